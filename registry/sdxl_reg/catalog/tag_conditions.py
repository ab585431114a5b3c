"""What lies below a tag, who has it, and whether it is used."""

from typing import Any

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session

from sdxl_reg.errors import Conflict
from sdxl_reg.tables import ImageSet, Member, MemberTag, Tag, TagClosure


def rows_inside(tag: Tag) -> Select[Any]:
    """The rows of a tag and of everything below it."""
    return select(TagClosure.descendant_id).where(TagClosure.ancestor_id == tag.id)


def is_below(tag: Tag) -> ColumnElement[bool]:
    """The condition that a `Tag` is this one or lies below it."""
    return Tag.id.in_(rows_inside(tag))


def holders_of(tag: Tag, members: ColumnElement[bool]) -> Select[Any]:
    """The rows of members that have a tag itself.

    Args:
        tag: The tag.
        members: A condition on `Member`.
    """
    return select(MemberTag.member_id).where(
        MemberTag.tag_id == tag.id, MemberTag.member_id.in_(select(Member.id).where(members))
    )


def refuse_used(session: Session, tag: Tag) -> None:
    """Refuse to remove a tag that has tags below it, or is on images.

    Raises:
        Conflict: It is so.
    """
    child = session.scalar(select(Tag.path).where(Tag.parent_id == tag.id).limit(1))
    if child is not None:
        raise Conflict(
            f"{tag.path!r} has tags below it, such as {child!r}",
            remedy="Remove, move or merge those first",
        )
    holder = session.scalar(
        select(ImageSet.name)
        .join(MemberTag, MemberTag.image_set_id == ImageSet.id)
        .where(MemberTag.tag_id == tag.id)
        .limit(1)
    )
    if holder is not None:
        raise Conflict(
            f"{tag.path!r} is on images of {holder!r}",
            remedy=f"Detach it first: sdxl-reg tags detach {holder} {tag.path!r} --all",
        )
