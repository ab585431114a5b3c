"""The first page: what is here, what is being done, and what happened lately."""

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from sdxl_reg.catalog.activity import Happening, activity
from sdxl_reg.catalog.artifacts import artifacts_page
from sdxl_reg.catalog.grids import grids_page
from sdxl_reg.catalog.images import image_sets
from sdxl_reg.catalog.paging import Slice
from sdxl_reg.catalog.standing import at_work, held
from sdxl_reg.web.api.runs import notice_lost
from sdxl_reg.web.dependencies import RegistryOf, SessionOf
from sdxl_reg.web.graph_folding import page_of_node
from sdxl_reg.web.pages.image_sets import with_glimpse
from sdxl_reg.web.run_views import live_item, seconds_of
from sdxl_reg.web.schemas.artifacts import artifact_items
from sdxl_reg.web.schemas.grids import grid_items
from sdxl_reg.web.templating import render
from sdxl_reg.web.working import WorkingOf

router = APIRouter()

_SHOWN = Slice(limit=6)
_LATELY = 12
_AT_WORK = 5
_COUNTED = {
    "image sets": "/image-sets",
    "artifacts": "/artifacts",
    "grids": "/grids",
    "generations": "/generations",
    "runs": "/runs",
}


@router.get("/", dependencies=[Depends(notice_lost)])
def home(
    request: Request, session: SessionOf, registry: RegistryOf, working: WorkingOf
) -> Response:
    """Counts, work that goes on, image sets, artifacts, grids, what happened; or how to begin."""
    found = image_sets(session)
    counts = {"image sets": len(found), **held(session)}
    runs = [live_item(run, registry, working) for run in at_work(session, limit=_AT_WORK)]
    facts = {
        "counts": [(counts[name], name, href) for name, href in _COUNTED.items()],
        "images": sum(summary.images for summary in found),
        "is_empty": not any(counts.values()),
        "working": [(run, seconds_of(run)) for run in runs],
        "is_live": any(run.started_at for run in runs),
        "sets": [with_glimpse(session, summary) for summary in found[: _SHOWN.limit]],
        "set_count": len(found),
        "artifacts": artifact_items(session, artifacts_page(session, _SHOWN).items),
        "grids": grid_items(session, grids_page(session, Slice(limit=2)).items),
        "happened": _happened(session),
    }
    return render(request, "home.html", facts)


def _happened(session: Session) -> list[tuple[Happening, str]]:
    """What happened, each with the address of what it happened to."""
    return [(one, _address(one)) for one in activity(session, limit=_LATELY)]


def _address(one: Happening) -> str:
    if one.kind == "run":
        return f"/runs/{one.ref}"
    return page_of_node(one.kind, one.ref) if one.kind else ""
