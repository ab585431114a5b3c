"""Where tags go when they are renamed, moved or merged, and what their old names lead to."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.tag_writer import TagWriter
from sdxl_reg.catalog.tags import child_named, child_of
from sdxl_reg.errors import Conflict
from sdxl_reg.imaging.names import name_key
from sdxl_reg.tables import Member, MemberTag, Tag, TagAlias


def put(
    writer: TagWriter,
    session: Session,
    tag: Tag,
    parent: Tag | None,
    *,
    name: str,
    levels: Sequence[str],
) -> None:
    """Place a tag where its name is free, and let its old place lead to it.

    Args:
        writer: Does it.
        session: The transaction.
        tag: The tag.
        parent: The tag above it from now on; none at the root.
        name: Its name from now on.
        levels: What the depths are called.

    Raises:
        Conflict: A tag there has the name.
    """
    before, key_before = tag.parent_id, tag.name_key
    taken = child_of(session, parent, name)
    if taken is not None and taken.id != tag.id:
        raise Conflict(
            f"there is a tag {taken.path!r} already",
            remedy=f"Merge them: sdxl-reg tags merge SET {tag.path!r} {taken.path!r}",
        )
    writer.free(parent, name_key(name))
    writer.place(tag, parent, name, levels)
    if (before, key_before) != (tag.parent_id, tag.name_key):
        writer.alias(before, key_before, tag)


def merge_into(
    writer: TagWriter, session: Session, tag: Tag, target: Tag, *, levels: Sequence[str]
) -> None:
    """Merge a tag into another, with everything below it, and let its name lead there.

    Args:
        writer: Does it.
        session: The transaction.
        tag: The tag that goes.
        target: The tag that stays; not below the other.
        levels: What the depths are called.
    """
    namesake = child_of(session, tag, tag.name) if tag.parent_id == target.id else None
    if namesake is not None:  # moving up, it would meet the very tag it lies below
        merge_into(writer, session, namesake, tag, levels=levels)
    below = select(Tag).where(Tag.parent_id == tag.id).order_by(Tag.name_key)
    for child in session.scalars(below).all():
        twin = child_of(session, target, child.name)
        if twin is None:
            put(writer, session, child, target, name=child.name, levels=levels)
        else:
            merge_into(writer, session, child, twin, levels=levels)
    _hand_over_members(writer, tag, target)
    _hand_over_names(writer, session, tag, target)
    place = tag.parent_id, tag.name_key
    writer.drop(tag)
    writer.alias(*place, target)


def _hand_over_members(writer: TagWriter, tag: Tag, target: Tag) -> None:
    """What has a tag gets another in its stead; a tag of a folder stays one of a folder."""
    for by_folder in (True, False):
        holders = _having(tag, MemberTag.by_folder.is_(by_folder))
        if by_folder:
            writer.mark(target, holders, by_folder=True)
        writer.attach(target, holders, by_folder=by_folder)
    writer.detach(tag, _having(tag))


def _hand_over_names(writer: TagWriter, session: Session, tag: Tag, target: Tag) -> None:
    """Other names of a tag lead to another; names below it stand below the other, if free."""
    for alias in session.scalars(select(TagAlias).where(TagAlias.tag_id == tag.id)).all():
        writer.alias(alias.parent_id, alias.name_key, target)
    for alias in session.scalars(select(TagAlias).where(TagAlias.parent_id == tag.id)).all():
        leads_to, key = session.get_one(Tag, alias.tag_id), alias.name_key
        writer.unalias(alias)
        if child_named(session, target, key) is None:
            writer.alias(target.id, key, leads_to)


def _having(tag: Tag, *more: ColumnElement[bool]) -> ColumnElement[bool]:
    return Member.id.in_(select(MemberTag.member_id).where(MemberTag.tag_id == tag.id, *more))
