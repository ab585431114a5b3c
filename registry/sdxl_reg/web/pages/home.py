"""The first page: what is here."""

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from sdxl_reg.catalog.artifacts import artifacts_page
from sdxl_reg.catalog.grids import grids_page
from sdxl_reg.catalog.images import image_sets
from sdxl_reg.catalog.paging import Slice
from sdxl_reg.catalog.runs import runs_page
from sdxl_reg.web.api.runs import notice_lost
from sdxl_reg.web.dependencies import SessionOf
from sdxl_reg.web.pages.image_sets import with_glimpse
from sdxl_reg.web.schemas.artifacts import artifact_items
from sdxl_reg.web.schemas.grids import grid_item
from sdxl_reg.web.schemas.runs import run_item
from sdxl_reg.web.templating import render

router = APIRouter()

_SHOWN = Slice(limit=6)


@router.get("/", dependencies=[Depends(notice_lost)])
def home(request: Request, session: SessionOf) -> Response:
    """Image sets, artifacts, the newest grids and runs; with nothing yet, what to type."""
    found = image_sets(session)
    facts = {
        "sets": [with_glimpse(session, summary) for summary in found[: _SHOWN.limit]],
        "set_count": len(found),
        "artifacts": artifact_items(session, artifacts_page(session, _SHOWN).items),
        "grids": [grid_item(grid) for grid in grids_page(session, Slice(limit=2)).items],
        "runs": [run_item(run) for run in runs_page(session, _SHOWN).items],
    }
    return render(request, "home.html", facts)
