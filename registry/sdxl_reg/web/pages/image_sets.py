"""Image sets: all of them, and the gallery of one with its tags, filters and pictures."""

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from sdxl_reg.catalog.captions import PLACES
from sdxl_reg.catalog.images import (
    ImageSetSummary,
    find_image_set,
    glimpse,
    image_sets_page,
    page_of_members,
    summary_of,
)
from sdxl_reg.catalog.journal import changes
from sdxl_reg.catalog.list_filters import IMAGE_SET_FIELDS
from sdxl_reg.catalog.paging import page_after
from sdxl_reg.catalog.selectors import FIELDS
from sdxl_reg.catalog.tag_branches import tag_branches
from sdxl_reg.errors import NotFound, UsageError
from sdxl_reg.tables import ImageSet
from sdxl_reg.vocabulary import Role
from sdxl_reg.web.dependencies import FilteredSliceOf, SessionOf, SliceOf
from sdxl_reg.web.filters import CHOICES, Filter, FilterOf
from sdxl_reg.web.list_pages import filtered_page
from sdxl_reg.web.roles import may, may_somewhere
from sdxl_reg.web.schemas.images import image_set_item, member_item, tag_item
from sdxl_reg.web.templating import render

router = APIRouter(prefix="/image-sets")

_GLIMPSE = 4
_CHANGES = 8


@router.get("")
def listed(request: Request, session: SessionOf, part: FilteredSliceOf) -> Response:
    """The image sets that a filter means, each with a glimpse of its pictures."""
    page, box = filtered_page(session, part, image_sets_page, IMAGE_SET_FIELDS)
    facts = {
        "sets": [with_glimpse(session, summary) for summary in page.items],
        "next": page.next,
        "may_add": may_somewhere(Role.WRITER),
        **box,
    }
    return render(request, "image_sets.html", facts, status=box["status"])


@router.get("/{name}")
def one(
    request: Request, session: SessionOf, name: str, part: SliceOf, wanted: FilterOf
) -> Response:
    """A set: its tags on the left, the pictures of the chosen tag beside them."""
    found = find_image_set(session, name)
    facts = _pictures(session, found, wanted, after=part.after, limit=part.limit) | {
        "set": image_set_item(summary_of(session, found)),
        "tags": [tag_item(tag) for tag in tag_branches(session, found, wanted.tag)],
        "may_train": may(Role.TRAINER, found.project),
        "may_write": may(Role.WRITER, found.project),
        "is_first": part.after == 0,
        "filter": wanted,
        "choices": CHOICES,
        "fields": FIELDS,
        "levels": found.layout.split("/") if found.layout else [],
        "places": PLACES,
        "template": found.caption_template,
        "changes": changes(session, "", image_set=found, limit=_CHANGES),
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if facts["fault"] else HTTPStatus.OK
    return render(request, "image_set.html", facts, status=status)


def with_glimpse(session: Session, summary: ImageSetSummary) -> dict[str, Any]:
    """An image set with a few of its pictures from all over."""
    pictures = glimpse(session, summary.image_set, _GLIMPSE)
    return {"set": image_set_item(summary), "pictures": [member_item(found) for found in pictures]}


def _pictures(
    session: Session, image_set: ImageSet, wanted: Filter, *, after: int, limit: int
) -> dict[str, Any]:
    """The pictures that a filter means, or what is wrong with it: people are still typing."""
    try:
        page = page_of_members(
            session, image_set, tag=wanted.tag, selector=wanted.selector, after=after, limit=limit
        )
    except (NotFound, UsageError) as fault:
        return {"members": [], "total": 0, "next": None, "fault": fault}
    counted = page_after(page.members, page.next)
    return {
        "members": [member_item(member) for member in counted.items],
        "total": page.total,
        "next": counted.next,
        "fault": None,
    }
