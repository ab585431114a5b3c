"""What an edit of tags reports, and its entry in the journal."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import distinct, func, select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.journal import record_change
from sdxl_reg.catalog.tag_writer import TagWriter
from sdxl_reg.tables import Change, ImageSet, MemberTag, Tag, TagClosure


@dataclass(frozen=True, kw_only=True)
class EditReport:
    """What an edit of tags did.

    Attributes:
        members: How many members of the set it concerns.
        change: Its entry in the journal; none where there was nothing to do.
        summary: A sentence for people.
        elsewhere: Other sets that it concerns too, with how many of their members.
    """

    members: int
    change: Change | None
    summary: str
    elsewhere: tuple[tuple[str, int], ...] = ()


def nothing_to_do(summary: str) -> EditReport:
    """The report of an edit that found everything as it should be.

    Args:
        summary: Why.
    """
    return EditReport(members=0, change=None, summary=summary)


def report_on_tree(
    session: Session,
    writer: TagWriter,
    what: tuple[str, str],
    *,
    image_set: ImageSet,
    uses: Mapping[str, int],
    author: str | None,
) -> EditReport:
    """Write down an edit of the tree, which belongs to no set.

    Args:
        session: The transaction.
        writer: What did it.
        what: A verb of the journal and the beginning of a sentence.
        image_set: The set that is looked at.
        uses: As `uses_of` gives them.
        author: Who did it, if known.
    """
    verb, summary = what
    elsewhere = tuple((name, count) for name, count in uses.items() if name != image_set.name)
    members = uses.get(image_set.name, 0)
    if uses:
        summary += f": {image_count(members)} of {image_set.name}"
    summary += "".join(f"; also used by set {name}: {image_count(n)}" for name, n in elsewhere)
    change = _recorded(session, writer, verb, summary=summary, image_set=None, author=author)
    return EditReport(members=members, change=change, summary=summary, elsewhere=elsewhere)


def report_on_set(
    session: Session,
    writer: TagWriter,
    what: tuple[str, str],
    *,
    image_set: ImageSet,
    members: int,
    author: str | None,
) -> EditReport:
    """Write down an edit of the members of one set.

    Args:
        session: The transaction.
        writer: What did it.
        what: A verb of the journal and a sentence.
        image_set: The set.
        members: How many of them it changed.
        author: Who did it, if known.
    """
    verb, summary = what
    change = _recorded(session, writer, verb, summary=summary, image_set=image_set, author=author)
    return EditReport(members=members, change=change, summary=summary)


def uses_of(session: Session, tag: Tag) -> dict[str, int]:
    """Name of each set → how many of its members have a tag or one below it."""
    rows = session.execute(
        select(ImageSet.name, func.count(distinct(MemberTag.member_id)))
        .join(MemberTag, MemberTag.image_set_id == ImageSet.id)
        .join(TagClosure, TagClosure.descendant_id == MemberTag.tag_id)
        .where(TagClosure.ancestor_id == tag.id)
        .group_by(ImageSet.name)
        .order_by(ImageSet.name)
    )
    return dict(rows.all())


def image_count(count: int) -> str:
    """A number of images in words."""
    return "1 image" if count == 1 else f"{count} images"


def _recorded(
    session: Session,
    writer: TagWriter,
    verb: str,
    *,
    summary: str,
    image_set: ImageSet | None,
    author: str | None,
) -> Change:
    writer.count_anew()
    return record_change(
        session, verb, summary, image_set=image_set, author=author, undo={"steps": writer.undo}
    )
