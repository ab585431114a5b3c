"""The next members under a tag, in the order of their rows, however many carry it.

Members of each single tag lie in order in an index. Those of a tag and everything below it are a
merge of as many such ranges, and a database that is asked for them by `tag_id IN (…)` sorts all of
them. So the ranges are cut first: where each begins says which of them can be on the page, and
where each has filled a page by itself says where the page ends at the latest.
"""

from collections.abc import Sequence

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.tags import find_tag
from sdxl_reg.errors import NotFound
from sdxl_reg.tables import ImageSet, MemberTag, Tag, TagClosure


def tag_id_at(session: Session, path: str) -> int:
    """The row of the tag at a path, or of the one that took its place; 0 where there is none."""
    as_written = session.scalar(select(Tag.id).where(Tag.path == path.strip("/")))
    if as_written is not None:
        return as_written
    try:
        return find_tag(session, path).id
    except NotFound:
        return 0


def ids_below(root: int) -> Select[int]:
    """The rows of a tag and of all below it, as a query."""
    return select(TagClosure.descendant_id).where(TagClosure.ancestor_id == root)


def members_below(
    session: Session, image_set: ImageSet, root: int, *, after: int, limit: int
) -> Sequence[int]:
    """The first members of a set that have a tag or one below it.

    Args:
        session: The transaction.
        image_set: The set.
        root: Row of the tag.
        after: Only members with a higher row.
        limit: How many at most, ≥ 1.

    Returns:
        Rows of members, ascending, each once.
    """
    firsts = _firsts(session, image_set, root, after)
    tags, last = _reaching(firsts, limit)
    if not tags:
        return []
    filled = _filled(session, image_set, tags, after=after, limit=limit)
    query = (
        select(MemberTag.member_id)
        .distinct()
        .where(
            MemberTag.image_set_id == image_set.id,
            MemberTag.tag_id.in_(tags),
            MemberTag.member_id > after,
        )
        .order_by(MemberTag.member_id)
        .limit(limit)
    )
    ends = [end for end in (last, filled) if end is not None]
    return session.scalars(query.where(MemberTag.member_id <= min(ends)) if ends else query).all()


def _firsts(
    session: Session, image_set: ImageSet, root: int, after: int
) -> Sequence[tuple[int, int]]:
    """The tags below one that have members after a row, with the first of these, in its order."""
    first = (
        select(func.min(MemberTag.member_id))
        .where(
            MemberTag.image_set_id == image_set.id,
            MemberTag.tag_id == TagClosure.descendant_id,
            MemberTag.member_id > after,
        )
        .correlate(TagClosure)
        .scalar_subquery()
    )
    rows = session.execute(
        select(TagClosure.descendant_id, first).where(TagClosure.ancestor_id == root)
    )
    found = [(tag, member) for tag, member in rows if member is not None]
    return sorted(found, key=lambda one: one[1])


def _reaching(firsts: Sequence[tuple[int, int]], limit: int) -> tuple[list[int], int | None]:
    """The tags that can be on a page, and the member that ends it if each had one member only."""
    tags: list[int] = []
    members: set[int] = set()
    for tag, member in firsts:
        if len(members) == limit and member not in members:
            return tags, max(members)
        tags.append(tag)
        members.add(member)
    return tags, max(members) if len(members) == limit else None


def _filled(
    session: Session, image_set: ImageSet, tags: Sequence[int], *, after: int, limit: int
) -> int | None:
    """The first member by which one of some tags has filled a page by itself; none: none does."""
    nth = (
        select(MemberTag.member_id)
        .where(
            MemberTag.image_set_id == image_set.id,
            MemberTag.tag_id == Tag.id,
            MemberTag.member_id > after,
        )
        .order_by(MemberTag.member_id)
        .offset(limit - 1)
        .limit(1)
        .correlate(Tag)
        .scalar_subquery()
    )
    found = session.scalars(select(nth).where(Tag.id.in_(tags)))
    return min((member for member in found if member is not None), default=None)
