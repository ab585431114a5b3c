"""Image sets, their tags and their images."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from sdxl_reg.catalog.images import (
    find_image_set,
    find_member,
    image_sets_page,
    members_at,
    page_of_members,
    summary_of,
)
from sdxl_reg.catalog.paging import page_after
from sdxl_reg.web.dependencies import FilteredSliceOf, SessionOf, SliceOf
from sdxl_reg.web.etags import tagged
from sdxl_reg.web.schemas.base import Items, items_of
from sdxl_reg.web.schemas.images import (
    ImageSetDocument,
    ImageSetItem,
    MemberItem,
    image_set_document,
    image_set_item,
    member_item,
)

router = APIRouter(prefix="/image-sets", tags=["image sets"])

TagOf = Annotated[
    str,
    Query(
        description="Path of a tag, as `qzy/flawed`; images with it or with a tag below it.",
        examples=["qzy/flawed"],
    ),
]
SelectorOf = Annotated[
    str,
    Query(
        description="Globs on tag paths, with AND, OR, NOT and fields: `**/spot AND brand:qzy`.",
        examples=["**/spot"],
    ),
]


@router.get("", summary="List the image sets")
def listed(session: SessionOf, part: FilteredSliceOf) -> Items[ImageSetItem]:
    """The image sets by name, with how many images they have.

    `filter` knows name, layout, project and created: `weipin* AND NOT project:lab`.
    """
    return items_of(image_sets_page(session, part), image_set_item)


@router.get("/{name}", summary="One image set with its tag tree")
def one(session: SessionOf, response: Response, name: str) -> ImageSetDocument:
    """The set, and its tags as a tree with how many images each has.

    Its `ETag` is what changes of its tags and captions take as `If-Match`.
    """
    found = summary_of(session, find_image_set(session, name))
    return tagged(response, image_set_document(session, found))


@router.get("/{name}/images", summary="The images of a set")
def images(
    session: SessionOf,
    name: str,
    part: SliceOf,
    tag: TagOf = "",
    select: SelectorOf = "",
    path: Annotated[
        str, Query(description="The one that lies there, relative to the set's folder.")
    ] = "",
) -> Items[MemberItem]:
    """The images as they came, with tag and caption; `tag` and `select` narrow them down."""
    image_set = find_image_set(session, name)
    if path:
        found = members_at(session, [find_member(session, image_set, path).id])
        return items_of(page_after(found, None), member_item)
    page = page_of_members(
        session,
        image_set,
        tag=tag,
        selector=select,
        after=part.after,
        limit=part.limit,
    )
    return items_of(page_after(page.members, page.next), member_item)
