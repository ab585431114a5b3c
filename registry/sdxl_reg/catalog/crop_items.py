"""Crops for many members, each its own: one change."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from sdxl_reg.catalog.crops import crops_of, set_crops
from sdxl_reg.catalog.items import (
    ItemResult,
    ItemsReport,
    MemberName,
    found_members,
    require_all,
)
from sdxl_reg.errors import InvalidValue, RegistryError
from sdxl_reg.imaging.crops import WHOLE, Box, checked_box
from sdxl_reg.tables import ImageSet
from sdxl_reg.vocabulary import ItemStatus


@dataclass(frozen=True, kw_only=True)
class CropItem:
    """A crop for one member.

    Attributes:
        which: The member.
        box: Its part of the upright picture, in fractions; None for the whole.
    """

    which: MemberName
    box: Sequence[float] | None


def write_crops(
    session: Session,
    image_set: ImageSet,
    items: Sequence[CropItem],
    *,
    author: str | None = None,
    atomic: bool = False,
) -> ItemsReport:
    """Give members their crops, or take them away, as one change that is undone as a whole.

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
    boxes: dict[int, Box] = {}
    problems: dict[int, RegistryError] = {}
    for position, (member, item) in enumerate(zip(members, items, strict=True)):
        if isinstance(member, RegistryError):
            problems[position] = member
            continue
        try:
            boxes[member] = WHOLE if item.box is None else checked_box(item.box)
        except InvalidValue as error:
            problems[position] = error
    there = crops_of(session, boxes)
    results = [
        ItemResult(status=ItemStatus.REFUSED, row=None, problem=problems[position])
        if position in problems or isinstance(member, RegistryError)
        else ItemResult(
            status=ItemStatus.UNCHANGED
            if there.get(member, WHOLE) == boxes[member]
            else ItemStatus.WRITTEN,
            row=member,
        )
        for position, member in enumerate(members)
    ]
    if atomic:
        require_all(results)
    change = set_crops(session, image_set, boxes, author=author)
    return ItemsReport(results=results, change=change)
