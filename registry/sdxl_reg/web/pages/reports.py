"""The report on an image set: all of it for small sets, part by part for large ones."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from sdxl_reg.catalog.images import find_image_set, summary_of
from sdxl_reg.web.dependencies import SessionOf
from sdxl_reg.web.reports import AT_ONCE, PARTS, facts_of
from sdxl_reg.web.schemas.images import image_set_item
from sdxl_reg.web.templating import render

router = APIRouter(prefix="/image-sets/{name}/report")


@router.get("")
def whole(request: Request, session: SessionOf, name: str) -> Response:
    """Every part; those of a large set are loaded by the page one after the other."""
    found = find_image_set(session, name)
    summary = summary_of(session, found)
    is_small = summary.members <= AT_ONCE
    parts = {part: facts_of(session, found, part) if is_small else None for part in PARTS}
    return _page(request, image_set_item(summary), parts)


@router.get("/{part}")
def one(request: Request, session: SessionOf, name: str, part: str) -> Response:
    """One part as a page of its own."""
    found = find_image_set(session, name)
    facts = facts_of(session, found, part)
    return _page(request, image_set_item(summary_of(session, found)), {part: facts})


def _page(request: Request, image_set: object, parts: object) -> Response:
    return render(request, "report.html", {"set": image_set, "parts": parts, "headings": PARTS})
