"""Many members as runs of consecutive row numbers: short to write down, one statement to use.

An ingest numbers the members of a folder one after the other, so that even a million of them are
a few runs. The database makes the runs and takes them apart again; Python never holds the members
one by one.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    SQLColumnExpression,
    Subquery,
    Text,
    cast,
    func,
    literal,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from sdxl_reg.tables import Member

Runs = list[list[int]]  # first and last number of each, ascending


def runs_of(session: Session, members: Select[Any]) -> Runs:
    """The runs of what a query selects.

    Args:
        session: The transaction.
        members: A query of one column, row numbers of members.
    """
    found = members.distinct().subquery()
    number = found.c[0]
    run = number - func.row_number().over(order_by=number)
    numbered = select(number.label("number"), run.label("run")).subquery()
    first, last = func.min(numbered.c.number), func.max(numbered.c.number)
    query = select(first, last).group_by(numbered.c.run).order_by(first)
    return [[start, end] for start, end in session.execute(query)]


def as_runs(member_ids: Iterable[int]) -> Runs:
    """The runs of row numbers in any order."""
    runs: Runs = []
    for number in sorted(set(member_ids)):
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return runs


def numbers_in(runs: Iterable[Sequence[int]]) -> Iterator[int]:
    """The row numbers that runs hold, one by one: for some thousands of them."""
    for first, last in runs:
        yield from range(first, last + 1)


def count_of(runs: Sequence[Sequence[int]]) -> int:
    """How many members runs hold."""
    return sum(last - first + 1 for first, last in runs)


def in_runs(session: Session, runs: Runs) -> ColumnElement[bool]:
    """The condition that a `Member` is in one of the runs.

    Args:
        session: Of the database that will be asked.
        runs: As `runs_of` gives them.
    """
    bounds = _bounds(session, runs)
    # The runs are gone through first, each finds its members by their key.
    inside = (
        select(Member.id)
        .select_from(bounds)
        .join(Member, Member.id.between(bounds.c.first, bounds.c.last))
    )
    return Member.id.in_(inside.correlate(None))


def in_numbers(
    session: Session, column: SQLColumnExpression[int], numbers: Iterable[int]
) -> ColumnElement[bool]:
    """The condition that a column is one of many numbers, however many they are.

    Args:
        session: Of the database that will be asked.
        column: Of whole numbers.
        numbers: In any order.
    """
    bounds = _bounds(session, [[number, number] for number in sorted(set(numbers))])
    return column.in_(select(bounds.c.first))


def _bounds(session: Session, runs: Runs) -> Subquery:
    """Runs as a table of `first` and `last`: one parameter, because their number is limited."""
    document = json.dumps(runs, separators=(",", ":"))
    if session.get_bind().dialect.name == "sqlite":
        run = func.json_each(document).table_valued("value")
        ends: list[ColumnElement[Any]] = [
            func.json_extract(run.c.value, f"$[{end}]") for end in (0, 1)
        ]
    else:
        run = func.jsonb_array_elements(cast(literal(document, Text), JSONB)).table_valued("value")
        ends = [run.c.value.op("->>")(end) for end in (0, 1)]
    first, last = (cast(end, BigInteger) for end in ends)
    return select(first.label("first"), last.label("last")).subquery()
