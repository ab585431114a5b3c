"""Generations: all of them with the form that draws more, and one with its pictures."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from sdxl_reg.catalog.artifacts import aliases_of, artifacts
from sdxl_reg.catalog.bases import MICRO
from sdxl_reg.catalog.generations import find_generation, generations_page
from sdxl_reg.catalog.grid_results import BEST
from sdxl_reg.catalog.runs import AT_WORK, find_run, states_of
from sdxl_reg.tables import Artifact
from sdxl_reg.vocabulary import ArtifactKind, Sampler, Schedule
from sdxl_reg.web.api.runs import notice_lost
from sdxl_reg.web.commands import Caller, callers_of, command_of
from sdxl_reg.web.dependencies import SessionOf, SliceOf
from sdxl_reg.web.graph_folding import page_of_node
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
def listed(request: Request, session: SessionOf, part: SliceOf) -> Response:
    """The generations, newest first, below the form that draws."""
    page = generations_page(session, part)
    states = states_of(session, [generation.run_id for generation in page.items])
    facts = {
        "generations": [generation_item(found, states[found.run_id]) for found in page.items],
        "next": page.next,
        "is_first": part.cursor is None,
        **_choices(session),
        "samplers": list(Sampler),
        "schedules": list(Schedule),
    }
    return render(request, "generations.html", facts)


@router.get("/{generation_id}")
def one(
    request: Request, session: SessionOf, working: WorkingOf, generation_id: Number
) -> Response:
    """A generation: its pictures, what they were made of, and how to draw them again."""
    found = find_generation(session, generation_id)
    run = find_run(session, found.run_id)
    document = generation_document(found, run, is_waiting=working.holds(run.id))
    callers = callers_of(session, [picture.request for picture in document.pictures])
    facts = {
        "generation": document,
        "pictures": [_shown(picture, callers) for picture in document.pictures],
        "is_live": not run.state.is_final,
        "can_resume": document.drawn < document.total
        and not document.is_waiting
        and run.state not in AT_WORK,
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
