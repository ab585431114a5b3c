"""Balance: how many pictures each tag of a level has, and how often to show them to even it out."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from sdxl_reg.catalog.images import SetMember, members_of
from sdxl_reg.errors import UnknownName
from sdxl_reg.imaging.names import name_key
from sdxl_reg.tables import ImageSet

MOST_REPEATS = 20
"""Beyond this a few pictures are learnt by heart; more pictures help, more repeats do not."""
_FEW = 10
_UNEVEN = 2.0


@dataclass(frozen=True, kw_only=True)
class BalanceRow:
    """A value of a level.

    Attributes:
        value: Such as `spot`; empty for pictures without a tag at this level.
        images: How many pictures have it.
        repeats: How often an epoch should show each of them; 1 for the most frequent value.
    """

    value: str
    images: int
    repeats: int


@dataclass(frozen=True, kw_only=True)
class BalanceReport:
    """How even a level is.

    Attributes:
        level: Its name in the set's layout.
        rows: Its values, the most frequent first.
        remarks: What is uneven, in sentences; none where nothing is.
    """

    level: str
    rows: tuple[BalanceRow, ...]
    remarks: tuple[str, ...]


def balance_report(
    session: Session, image_set: ImageSet, level: str, *, select: str = ""
) -> BalanceReport:
    """How many pictures of a set each value of a level has, as a dataset would take them.

    Args:
        session: The transaction.
        image_set: The set.
        level: A level of its layout, such as `defect`.
        select: Only what this selector selects; empty for all.

    Raises:
        InvalidValue: The selector is of the wrong form.
        UnknownName: The set has no such level.
    """
    at = depth_of(image_set, level)
    return _report(members_of(session, image_set, select), at, image_set.layout.split("/")[at])


def balance_reports(
    session: Session, image_set: ImageSet, *, select: str = ""
) -> list[BalanceReport]:
    """A report for every level of a set.

    Args:
        session: The transaction.
        image_set: The set.
        select: Only what this selector selects; empty for all.
    """
    members = members_of(session, image_set, select)
    levels = image_set.layout.split("/")
    return [_report(members, at, name) for at, name in enumerate(levels)]


def suggested_repeats(
    image_set: ImageSet, members: Iterable[SetMember], level: str
) -> dict[int, int]:
    """How often an epoch should show each picture so that a level is even.

    Args:
        image_set: Whose layout names the level.
        members: Only those that are trained.
        level: A level of the layout.

    Returns:
        Member → repeats, 1 or more.

    Raises:
        UnknownName: The set has no such level.
    """
    at = depth_of(image_set, level)
    values = {member.member_id: _value(member, at) for member in members}
    repeats = {row.value: row.repeats for row in _rows(Counter(values.values()))}
    return {member: repeats[value] for member, value in values.items()}


def depth_of(image_set: ImageSet, level: str) -> int:
    """Which part of a tag path is at a level of a set's layout.

    Raises:
        UnknownName: The layout has no such level.
    """
    levels = [name_key(name) for name in image_set.layout.split("/")]
    if name_key(level) not in levels:
        raise UnknownName("level", level, image_set.layout.split("/"))
    return levels.index(name_key(level))


def _report(members: Iterable[SetMember], at: int, name: str) -> BalanceReport:
    rows = _rows(Counter(_value(member, at) for member in members))
    return BalanceReport(level=name, rows=rows, remarks=tuple(remarks(rows, name)))


def _value(member: SetMember, at: int) -> str:
    names = member.tag_path.split("/")
    return names[at] if at < len(names) else ""


def _rows(counts: Mapping[str, int]) -> tuple[BalanceRow, ...]:
    most = max(counts.values(), default=0)
    return tuple(
        BalanceRow(value=value, images=count, repeats=min(MOST_REPEATS, round(most / count)))
        for value, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    )


def _rounded(times: float) -> str:
    return f"{times:,.0f}" if times >= 100 else f"{times:.3g}"


def remarks(rows: Sequence[BalanceRow], level: str) -> list[str]:
    """What is uneven, in sentences.

    Args:
        rows: The values of a level, the most frequent first.
        level: What it is called.
    """
    if not rows:
        return []
    first = rows[0]
    said = []
    for row in rows[1:]:
        times = first.images / row.images
        if times >= _UNEVEN:
            said.append(
                f"{shown_value(row.value, level)} has {_pictures(row.images)}, "
                f"{shown_value(first.value, level)} {first.images:,}, {_rounded(times)} times as "
                f"many: show each {row.repeats} times an epoch"
                + (", and take more of them" if row.images < _FEW else "")
            )
    return said


def shown_value(value: str, level: str) -> str:
    """A value as people read it: `no defect` where there is none."""
    return value or f"no {level}"


def _pictures(count: int) -> str:
    return "1 picture" if count == 1 else f"{count} pictures"
