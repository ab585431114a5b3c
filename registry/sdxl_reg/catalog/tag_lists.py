"""The tree of tags as a list: one for all image sets, in pages, each with its former names."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.list_filters import TAG_FIELDS, filtered
from sdxl_reg.catalog.paging import Page, Slice, page_of
from sdxl_reg.catalog.portions import portions, steady
from sdxl_reg.tables import Tag, TagAlias


def tags_page(session: Session, part: Slice) -> Page[Tag]:
    """Some of the tags, by path.

    Args:
        session: The transaction.
        part: Which of them; its filter knows `TAG_FIELDS`.

    Raises:
        InvalidValue: The cursor or the filter is none of ours.
        UnknownName: The filter asks for another field.
    """
    query = select(Tag).where(filtered(part.filter, TAG_FIELDS, name="path"))
    return page_of(session, query, Tag.path, part)


def former_names(session: Session, tags: Iterable[Tag]) -> Mapping[int, Sequence[str]]:
    """Row of a tag → the names it had, or that tags had which were merged into it.

    They lead to the tag at the place where they stood, in whatever case they are written.

    Args:
        session: The transaction.
        tags: Some of them.
    """
    found: dict[int, list[str]] = defaultdict(list)
    for some in portions([tag.id for tag in tags]):
        query = select(TagAlias.tag_id, TagAlias.name_key).where(TagAlias.tag_id.in_(steady(some)))
        for tag, name in session.execute(query.order_by(TagAlias.name_key)):
            found[tag].append(name)
    return found
