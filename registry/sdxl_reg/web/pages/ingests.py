"""Adding pictures: a folder is chosen or dropped, looked at, sent and ingested."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from sdxl_reg.catalog.access.visibility import present_viewer
from sdxl_reg.catalog.sent_folders.paths import WANTED_NAMES, WANTED_SUFFIXES
from sdxl_reg.vocabulary import Role
from sdxl_reg.web.roles import needs
from sdxl_reg.web.templating import render

router = APIRouter(prefix="/ingest")


@router.get("", dependencies=[needs(Role.WRITER)])
def form(request: Request) -> Response:
    """The form; whoever may write in several projects says in which."""
    viewer = present_viewer()
    open_to = viewer.projects(Role.WRITER) if viewer is not None else None
    facts = {
        "projects": sorted(open_to) if open_to is not None else [],
        "wanted": " ".join([*sorted(WANTED_SUFFIXES), *sorted(WANTED_NAMES)]),
    }
    return render(request, "ingest.html", facts)
