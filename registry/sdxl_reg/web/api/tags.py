"""The tree of tags, which all image sets share."""

from fastapi import APIRouter

from sdxl_reg.catalog.tag_lists import former_names, tags_page
from sdxl_reg.tables import Tag
from sdxl_reg.web.dependencies import FilteredSliceOf, SessionOf
from sdxl_reg.web.schemas.base import Items, items_of
from sdxl_reg.web.schemas.images import TagEntry

router = APIRouter(prefix="/tags", tags=["tags"])


@router.get("", summary="List the tags")
def listed(session: SessionOf, part: FilteredSliceOf) -> Items[TagEntry]:
    """Every tag, by path; how many pictures have it is told by each image set.

    `filter` knows path, under (a tag and all below it), level and depth: `under:qzy AND depth:>1`.
    """
    page = tags_page(session, part)
    former = former_names(session, page.items)

    def entry(tag: Tag) -> TagEntry:
        return TagEntry(
            path=tag.path,
            name=tag.name,
            level=tag.level,
            depth=tag.depth,
            formerly=list(former.get(tag.id, ())),
        )

    return items_of(page, entry)
