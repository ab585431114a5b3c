"""Generations: all of them with the form that draws more, and one with its pictures."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from sdxl_reg.catalog.artifacts import aliases_of, artifacts, find_version, version_ref
from sdxl_reg.catalog.bases import MICRO
from sdxl_reg.catalog.generations import find_generation, generations_page
from sdxl_reg.catalog.grid_results import BEST
from sdxl_reg.catalog.list_filters import GENERATION_FIELDS
from sdxl_reg.catalog.runs import find_run, states_of
from sdxl_reg.tables import Artifact
from sdxl_reg.vocabulary import ArtifactKind, Role, Sampler, Schedule
from sdxl_reg.web.api.runs import notice_lost
from sdxl_reg.web.commands import Caller, callers_of, command_of
from sdxl_reg.web.dependencies import FilteredSliceOf, RegistryOf, SessionOf
from sdxl_reg.web.graph_folding import page_of_node
from sdxl_reg.web.list_pages import filtered_page
from sdxl_reg.web.roles import may
from sdxl_reg.web.run_views import live_document, seconds_of
from sdxl_reg.web.schemas.base import Number
from sdxl_reg.web.schemas.generations import (
    GeneratedItem,
    generation_document,
    generation_item,
)
from sdxl_reg.web.templating import render
from sdxl_reg.web.working import WorkingOf

router = APIRouter(prefix="/generations", dependencies=[Depends(notice_lost)])

_SHOWN_APART = {"prompt", "adapters", "seed", "base", "negative_prompt"}


@router.get("")
def listed(
    request: Request,
    session: SessionOf,
    part: FilteredSliceOf,
    version: Annotated[str, Query(description="What shall be drawn with or on.")] = "",
) -> Response:
    """The generations, newest first, below the form that draws and the box that filters them.

    Raises:
        NotFound: No such version.
    """
    page, box = filtered_page(session, part, generations_page, GENERATION_FIELDS)
    states = states_of(session, [generation.run_id for generation in page.items])
    facts = {
        "generations": [generation_item(found, states[found.run_id]) for found in page.items],
        "next": page.next,
        **box,
        **_choices(session),
        **_wanted(session, version),
        "samplers": list(Sampler),
        "schedules": list(Schedule),
    }
    return render(request, "generations.html", facts, status=box["status"])


@router.get("/{generation_id}")
def one(
    request: Request,
    session: SessionOf,
    registry: RegistryOf,
    working: WorkingOf,
    generation_id: Number,
) -> Response:
    """A generation: its pictures, what they were made of, and how to draw them again."""
    found = find_generation(session, generation_id)
    run = live_document(session, found.run_id, registry, working)
    row = find_run(session, found.run_id)
    document = generation_document(found, row, is_waiting=run.place is not None)
    callers = callers_of(session, [picture.request for picture in document.pictures])
    facts = {
        "generation": document,
        "pictures": [_shown(picture, callers) for picture in document.pictures],
        "run": run,
        "seconds": seconds_of(run),
        "may_work": may(Role.TRAINER, row.project),
        "is_live": not run.state.is_final,
        "is_due": run.state.is_final and document.drawn < document.total,
    }
    return render(request, "generation.html", facts)


def _choices(session: Session) -> dict[str, Any]:
    """What the form offers: bases, and the tags of LoRAs as they are best used."""
    known = artifacts(session)
    bases = [found.name for found in known if found.kind == ArtifactKind.CHECKPOINT]
    return {
        "bases": [MICRO, *(name for name in bases if name != MICRO)],
        "tags": [_tag(session, found) for found in known if found.kind == ArtifactKind.LORA],
    }


def _wanted(session: Session, reference: str) -> dict[str, Any]:
    """What the form says at first, to draw with a version or on it."""
    if not reference:
        return {"version": "", "prompt": "", "base": ""}
    found = find_version(session, reference)
    ref, kind = version_ref(found), found.artifact.kind
    if kind == ArtifactKind.CHECKPOINT:
        return {"version": ref, "prompt": "", "base": ref}
    if kind == ArtifactKind.EMBEDDING:
        return {"version": ref, "prompt": ref, "base": ""}
    tag = "lora" if kind == ArtifactKind.LORA else "hypernet"
    strengths = [
        alias.strength
        for alias in aliases_of(session, found.artifact)
        if alias.version_id == found.id and alias.strength is not None
    ]
    called = f"<{tag}:{ref}:{strengths[0] if strengths else 1:g}>"
    return {"version": ref, "prompt": called, "base": ""}


def _tag(session: Session, lora: Artifact) -> tuple[str, str]:
    """The name of a LoRA, and the tag that calls it up as its alias `best` recommends."""
    for alias in aliases_of(session, lora):
        if alias.name == BEST and alias.strength is not None:
            return lora.name, f"<lora:{lora.name}@{BEST}:{alias.strength:g}>"
    return lora.name, f"<lora:{lora.name}:1>"


def _shown(picture: GeneratedItem, callers: Mapping[str, Caller]) -> dict[str, Any]:
    asked = picture.request
    return {
        "item": picture,
        "adapters": _linked(asked.get("adapters", [])),
        "settings": {
            name.replace("_", " "): value
            for name, value in asked.items()
            if name not in _SHOWN_APART
        },
        "command": command_of(asked, callers),
    }


def _linked(uses: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**use, "href": page_of_node("artifact", use["ref"])} for use in uses]
