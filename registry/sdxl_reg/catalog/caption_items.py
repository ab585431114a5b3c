"""Captions for many members, each its own: one change, some hundreds to a statement."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from sdxl_reg.catalog.caption_edits import tidy
from sdxl_reg.catalog.caption_rows import CaptionTarget, Edit, NewCaption, rewrite
from sdxl_reg.catalog.items import (
    ItemResult,
    ItemsReport,
    MemberName,
    found_members,
    require_all,
)
from sdxl_reg.errors import RegistryError
from sdxl_reg.tables import ImageSet
from sdxl_reg.vocabulary import ItemStatus


@dataclass(frozen=True, kw_only=True)
class CaptionItem:
    """A caption for one member.

    Attributes:
        which: The member.
        text: The caption; empty leaves it without words.
        author: Who wrote it; None: who makes the change.
    """

    which: MemberName
    text: str
    author: str | None = None


def write_captions(
    session: Session,
    image_set: ImageSet,
    items: Sequence[CaptionItem],
    *,
    author: str | None = None,
    atomic: bool = False,
) -> ItemsReport:
    """Give members their captions, as one change that is undone as a whole.

    Args:
        session: The transaction.
        image_set: The set of all of them.
        items: Each about another member.
        author: Who does it, if known.
        atomic: Whether nothing is done where one is refused.

    Raises:
        ItemsRefused: One is, and nothing is done.
    """
    members = found_members(session, image_set, [item.which for item in items])
    wanted = {
        member: item for member, item in zip(members, items, strict=True) if isinstance(member, int)
    }
    if atomic:
        require_all([_result(member, frozenset()) for member in members])
    written: set[int] = set()

    def rewriter(targets: Sequence[CaptionTarget]) -> list[NewCaption]:
        new = [
            NewCaption(
                target=target,
                text=tidy(wanted[target.member_id].text),
                author=wanted[target.member_id].author,
            )
            for target in targets
        ]
        written.update(one.target.member_id for one in new if one.text != one.target.text)
        return new

    edit = Edit(verb="captions.set", doing="Words were written", author=author)
    report = rewrite(session, image_set, edit, rewriter, select=list(wanted))
    return ItemsReport(
        results=[_result(member, written) for member in members], change=report.change
    )


def _result(member: int | RegistryError, written: set[int] | frozenset[int]) -> ItemResult:
    if isinstance(member, RegistryError):
        return ItemResult(status=ItemStatus.REFUSED, row=None, problem=member)
    status = ItemStatus.WRITTEN if member in written else ItemStatus.UNCHANGED
    return ItemResult(status=status, row=member)
