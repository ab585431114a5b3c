"""Artifacts: all of them, and one with its versions, curve and aliases."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from sdxl_reg.catalog.artifacts import aliases_of, artifacts_page, find_artifact, find_version
from sdxl_reg.catalog.grids import grids_of
from sdxl_reg.catalog.list_filters import ARTIFACT_FIELDS
from sdxl_reg.catalog.run_details import run_document
from sdxl_reg.catalog.runs import find_run, metrics_of
from sdxl_reg.catalog.version_diff import diff_references
from sdxl_reg.errors import NotFound
from sdxl_reg.vocabulary import Program, Role
from sdxl_reg.web.api.artifacts import BeforeOf, reference_of
from sdxl_reg.web.charts import chart_of
from sdxl_reg.web.dependencies import FilteredSliceOf, SessionOf
from sdxl_reg.web.list_pages import filtered_page
from sdxl_reg.web.roles import may
from sdxl_reg.web.schemas.artifacts import (
    alias_item,
    artifact_document,
    artifact_items,
    version_item,
    version_items,
)
from sdxl_reg.web.schemas.grids import grid_items
from sdxl_reg.web.schemas.version_diffs import version_diff_document
from sdxl_reg.web.templating import render

router = APIRouter(prefix="/artifacts")


@router.get("")
def listed(request: Request, session: SessionOf, part: FilteredSliceOf) -> Response:
    """The artifacts that a filter means, by name."""
    page, box = filtered_page(session, part, artifacts_page, ARTIFACT_FIELDS)
    facts = {"artifacts": artifact_items(session, page.items), "next": page.next, **box}
    return render(request, "artifacts.html", facts, status=box["status"])


@router.get("/{name}/versions/{which}")
def version(request: Request, session: SessionOf, name: str, which: str) -> Response:
    """A version: what to say and how strongly, its files for each program, how it was made."""
    found = find_version(session, reference_of(name, which))
    document = version_item(session, found)
    run = _run_of(session, document.run)
    charts = [chart_of(name, points) for name, points in (run["metrics"] if run else {}).items()]
    facts = {
        "artifact": found.artifact,
        "version": document,
        "aliases": [
            alias_item(alias)
            for alias in aliases_of(session, found.artifact)
            if alias.version_id == found.id
        ],
        "run": run,
        "settings": (run or {}).get("spec", {}).get("config", {}),
        "charts": [chart for chart in charts if chart is not None],
        "programs": [Program.A1111, Program.COMFYUI, Program.DIFFUSERS, Program.KOHYA],
        "may_write": may(Role.WRITER, found.artifact.project),
        "may_train": may(Role.TRAINER, found.artifact.project),
    }
    return render(request, "version.html", facts)


@router.get("/{name}/versions/{which}/diff")
def diff(
    request: Request, session: SessionOf, name: str, which: str, before: BeforeOf = None
) -> Response:
    """What differs between two versions, side by side."""
    found = diff_references(session, reference_of(name, which), before)
    refs = (found.before, found.after)
    sides = [version_item(session, find_version(session, ref)) for ref in refs]
    facts = {"diff": version_diff_document(found), "sides": sides}
    return render(request, "version_diff.html", facts)


@router.get("/{name}")
def one(request: Request, session: SessionOf, name: str) -> Response:
    """An artifact: which version to take at which strength, and all there are."""
    artifact = find_artifact(session, name)
    document = artifact_document(session, artifact)
    runs = [version.run for version in document.versions if version.run is not None]
    losses = metrics_of(session, find_run(session, runs[-1])).get("loss", []) if runs else []
    grids = grid_items(session, grids_of(session, artifact))
    pointed_at = [alias.version for alias in aliases_of(session, artifact)]
    shown = [*version_items(session, pointed_at), *document.versions]
    facts = {
        "artifact": document,
        "versions": {version.version: version for version in shown},
        "may_train": may(Role.TRAINER, artifact.project),
        "chart": chart_of(f"loss of run {runs[-1]}", losses) if losses else None,
        "grids": grids,
        "drawn": next((grid for grid in grids if grid.sheet is not None), None),
    }
    return render(request, "artifact.html", facts)


def _run_of(session: Session, run_id: int | None) -> dict[str, Any] | None:
    """The run that made a version; none for an import, or where it is not to be seen."""
    if run_id is None:
        return None
    try:
        return run_document(session, run_id)
    except NotFound:
        return None
