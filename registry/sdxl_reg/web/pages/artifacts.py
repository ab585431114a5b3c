"""Artifacts: all of them, and one with its versions, curve and aliases."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from sdxl_reg.catalog.artifacts import aliases_of, artifacts_page, find_artifact, find_version
from sdxl_reg.catalog.grids import grids_of
from sdxl_reg.catalog.runs import find_run, metrics_of
from sdxl_reg.catalog.version_diff import diff_references
from sdxl_reg.web.api.artifacts import BeforeOf, reference_of
from sdxl_reg.web.charts import chart_of
from sdxl_reg.web.dependencies import SessionOf, SliceOf
from sdxl_reg.web.schemas.artifacts import (
    artifact_document,
    artifact_items,
    version_item,
    version_items,
)
from sdxl_reg.web.schemas.grids import grid_item
from sdxl_reg.web.schemas.version_diffs import version_diff_document
from sdxl_reg.web.templating import render

router = APIRouter(prefix="/artifacts")


@router.get("")
def listed(request: Request, session: SessionOf, part: SliceOf) -> Response:
    """Every artifact by name."""
    page = artifacts_page(session, part)
    facts = {
        "artifacts": artifact_items(session, page.items),
        "next": page.next,
    }
    return render(request, "artifacts.html", facts)


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
    grids = grids_of(session, artifact)
    pointed_at = [alias.version for alias in aliases_of(session, artifact)]
    shown = [*version_items(session, pointed_at), *document.versions]
    facts = {
        "artifact": document,
        "versions": {version.version: version for version in shown},
        "chart": chart_of(f"loss of run {runs[-1]}", losses) if losses else None,
        "grids": [grid_item(grid) for grid in grids],
        "drawn": next((grid_item(grid) for grid in grids if grid.sheet is not None), None),
    }
    return render(request, "artifact.html", facts)
