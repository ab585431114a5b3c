"""Image sets: all of them, and one with its tags and pictures."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from sdxl_reg.catalog.images import (
    ImageSetSummary,
    find_image_set,
    glimpse,
    image_sets,
    page_of_members,
    summary_of,
)
from sdxl_reg.catalog.paging import page_after
from sdxl_reg.web.api.image_sets import SelectorOf, TagOf
from sdxl_reg.web.dependencies import SessionOf, SliceOf
from sdxl_reg.web.schemas.images import image_set_document, image_set_item, member_item
from sdxl_reg.web.templating import render

router = APIRouter(prefix="/image-sets")

_GLIMPSE = 4


@router.get("")
def listed(request: Request, session: SessionOf) -> Response:
    """Every image set with a glimpse of its pictures."""
    sets = [with_glimpse(session, summary) for summary in image_sets(session)]
    return render(request, "image_sets.html", {"sets": sets})


@router.get("/{name}")
def one(
    request: Request,
    session: SessionOf,
    name: str,
    part: SliceOf,
    tag: TagOf = "",
    select: SelectorOf = "",
) -> Response:
    """A set: its tags on the left, the pictures of the chosen tag beside them."""
    found = find_image_set(session, name)
    page = page_of_members(
        session, found, tag=tag, selector=select, after=part.after, limit=part.limit
    )
    counted = page_after(page.members, page.next)
    facts = {
        "set": image_set_document(session, summary_of(session, found)),
        "members": [member_item(member) for member in counted.items],
        "total": page.total,
        "is_first": part.after == 0,
        "next": counted.next,
        "tag": tag.strip("/"),
        "select": select,
    }
    return render(request, "image_set.html", facts)


def with_glimpse(session: Session, summary: ImageSetSummary) -> dict[str, Any]:
    """An image set with a few of its pictures from all over."""
    pictures = glimpse(session, summary.image_set, _GLIMPSE)
    return {"set": image_set_item(summary), "pictures": [member_item(found) for found in pictures]}
