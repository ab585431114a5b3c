"""How fit the pictures of a set are for training: spread of what was measured, and the worst."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Integer, case, cast, func, select
from sqlalchemy.orm import Session, aliased

from sdxl_reg.catalog.images import SetMember, members_at
from sdxl_reg.catalog.selection import selects
from sdxl_reg.imaging.quality import Flag
from sdxl_reg.tables import Image, ImageSet, Member
from sdxl_reg.vocabulary import MemberState

_SHOWN = aliased(Image)  # beside the one that conditions on quality look at
_SHORTER = case((_SHOWN.width < _SHOWN.height, _SHOWN.width), else_=_SHOWN.height)
_LONGER = case((_SHOWN.width < _SHOWN.height, _SHOWN.height), else_=_SHOWN.width)
_MEASURES: Mapping[str, ColumnElement[Any]] = {
    "sharpness": _SHOWN.sharpness.expression,
    "brightness": _SHOWN.brightness.expression,
    "contrast": _SHOWN.contrast.expression,
    "size": _SHORTER,
}
_WORST: Mapping[Flag, ColumnElement[Any]] = {
    Flag.BLURRED: _SHOWN.sharpness.expression,
    Flag.DARK: _SHOWN.brightness.expression,
    Flag.BRIGHT: -_SHOWN.brightness,
    Flag.FLAT: _SHOWN.contrast.expression,
    Flag.SMALL: _SHORTER,
    Flag.STRIP: -_LONGER / _SHORTER,
}


@dataclass(frozen=True, kw_only=True)
class Flagged:
    """The pictures with one flag.

    Attributes:
        flag: What is wrong with them.
        count: How many there are.
        worst: Some of them, the worst first.
    """

    flag: Flag
    count: int
    worst: Sequence[SetMember]


@dataclass(frozen=True, kw_only=True)
class QualityReport:
    """What is known of the quality of a set's present pictures.

    Attributes:
        pictures: How many there are.
        unmeasured: How many of them were not looked at yet.
        spread: Measure → its value without decimals → how many pictures have it: `sharpness`,
            `brightness`, `contrast`, and `size`, pixels of the shorter side.
        flagged: Every flag that pictures have.
    """

    pictures: int
    unmeasured: int
    spread: Mapping[str, Mapping[int, int]]
    flagged: Sequence[Flagged]


def quality_report(session: Session, image_set: ImageSet, *, shown: int = 6) -> QualityReport:
    """Judge the pictures of a set by what an ingest measured.

    Args:
        session: The transaction.
        image_set: The set.
        shown: How many of the worst are given of each flag.
    """
    spread = {name: _spread(session, image_set, column) for name, column in _MEASURES.items()}
    pictures = sum(spread["size"].values())
    flagged = [_flagged(session, image_set, flag, shown) for flag in Flag]
    return QualityReport(
        pictures=pictures,
        unmeasured=pictures - sum(spread["sharpness"].values()),
        spread=spread,
        flagged=[found for found in flagged if found.count],
    )


def _spread(session: Session, image_set: ImageSet, column: ColumnElement[Any]) -> Mapping[int, int]:
    whole = cast(func.floor(column), Integer)
    rows = session.execute(
        select(whole, func.count())
        .select_from(Member)
        .join(_SHOWN, _SHOWN.id == Member.image_id)
        .where(_present(image_set), column.is_not(None))
        .group_by(whole)
    )
    return dict(sorted(Counter({int(value): count for value, count in rows}).items()))


def _flagged(session: Session, image_set: ImageSet, flag: Flag, shown: int) -> Flagged:
    has_it = _present(image_set) & selects(session, image_set, f"quality:{flag}")
    count = session.scalar(select(func.count(Member.id)).where(has_it)) or 0
    if not count:
        return Flagged(flag=flag, count=0, worst=())
    worst = session.scalars(
        select(Member.id)
        .join(_SHOWN, _SHOWN.id == Member.image_id)
        .where(has_it)
        .order_by(_WORST[flag], Member.id)
        .limit(shown)
    ).all()
    return Flagged(flag=flag, count=count, worst=members_at(session, worst))


def _present(image_set: ImageSet) -> ColumnElement[bool]:
    return (Member.image_set_id == image_set.id) & (Member.state == MemberState.PRESENT)
