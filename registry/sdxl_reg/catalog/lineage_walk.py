"""Walking the recorded lineage level by level, a statement or two for each.

A node may have a hundred thousand neighbours. Of each only the first are followed, and of all nodes
so many at most; what is left out is told with its number, never in silence. One recursive query
would do for small graphs, but it cannot stop early at one wide node and go on at others, and
PostgreSQL, which has to guess how far it will go, now and then reads all edges for it.
"""

import functools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVarTuple

from sqlalchemy import (
    Integer,
    Select,
    bindparam,
    func,
    select,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from sdxl_reg.catalog.access.visibility import present_viewer
from sdxl_reg.catalog.lineage import Way
from sdxl_reg.catalog.portions import portions, steady
from sdxl_reg.tables import LineageDep, Node

MOST_NODES = 1_000
"""So many recorded nodes a walk finds in one direction, unless it is told otherwise."""
_PORTION = 200
_ROWS_AT_ONCE = 400
_ALL = 500_000_000
_Columns = TypeVarTuple("_Columns")
Executed = tuple[Select[int, int, int, str], dict[str, Any]]
"""A statement and its values."""


class Arrow(NamedTuple):
    """A recorded edge, by the numbers of its nodes."""

    child: int
    parent: int
    run: int
    slot: str


@dataclass(frozen=True, kw_only=True)
class Walk:
    """What a walk found.

    Attributes:
        arrows: Between what it found.
        cut: Node → how many of its neighbours are among the arrows, where it has more.
        last: Node → the last of these neighbours.
    """

    arrows: list[Arrow] = field(default_factory=list)
    cut: dict[int, int] = field(default_factory=dict)
    last: dict[int, int] = field(default_factory=dict)


def walk(
    session: Session,
    starts: Iterable[int],
    way: Way,
    *,
    limit: int,
    depth: int | None = None,
    most: int = MOST_NODES,
) -> Walk:
    """The arrows that lead on from some nodes, and from those found.

    Args:
        session: The transaction.
        starts: Node ids.
        way: `up` to what they were made from, `down` to what was made from them.
        limit: Of each node at most so many neighbours.
        depth: At most so many arrows from the starts; none is without limit.
        most: About so many nodes in all.
    """
    result = Walk()
    border = sorted(set(starts))
    seen, distance = set(border), 0
    while border and (depth is None or distance < depth):
        beyond: list[int] = []
        waiting = dict.fromkeys(border)
        for node, arrows, is_cut in _level(session, border, way, limit):
            if len(seen) >= most:
                break
            del waiting[node]
            result.arrows.extend(arrows)
            targets = dict.fromkeys(_target(arrow, way) for arrow in arrows)
            if is_cut:
                result.cut[node], result.last[node] = len(targets), next(reversed(targets))
            beyond += [target for target in targets if target not in seen]
            seen.update(targets)
        if waiting:  # there are enough nodes: those left are not asked, nor those found last
            is_last = depth is not None and distance + 1 == depth
            result.cut.update(dict.fromkeys((*waiting, *(() if is_last else beyond)), 0))
            break
        border, distance = beyond, distance + 1
    return result


def next_arrows(origins: Sequence[int], way: Way, *, rows: int) -> Executed:
    """The statement that finds the arrows at some nodes, by node and neighbour, with its values.

    Args:
        origins: Node ids.
        way: As `walk` takes it.
        rows: At most so many arrows.
    """
    return _next_arrows(way, is_all_seen=_is_all_seen()), {"origins": steady(origins), "rows": rows}


def neighbours_after(
    session: Session, node: int, way: Way, *, after: int, limit: int
) -> list[tuple[int, list[Arrow]]]:
    """The next neighbours of one node, each with the arrows to it.

    Args:
        session: The transaction.
        node: Its number.
        way: As `walk` takes it.
        after: The number of the last neighbour of the page before, 0 at first.
        limit: At most so many.
    """
    origin, target = _ends(way)
    query = select(target).where(origin == node, target > after).distinct()
    numbers = session.scalars(_seen(query, target).order_by(target).limit(limit)).all()
    rows = session.execute(select(*_COLUMNS).where(origin == node, target.in_(numbers)))
    found: dict[int, list[Arrow]] = {number: [] for number in numbers}
    for row in rows:
        arrow = Arrow(*row)
        found[_target(arrow, way)].append(arrow)
    return list(found.items())


def arrows_between(
    session: Session, parents: Iterable[int], children: Iterable[int], *, limit: int
) -> list[Arrow]:
    """The arrows from some nodes to some others, as far as they are among the first of each.

    Args:
        session: The transaction.
        parents: Node ids.
        children: Node ids.
        limit: So many parents of each child are looked at.
    """
    wanted = set(parents)
    return [
        arrow
        for _, arrows, _ in _level(session, children, "up", limit)
        for arrow in arrows
        if arrow.parent in wanted
    ]


def neighbour_counts(session: Session, nodes: Iterable[int], way: Way) -> Mapping[int, int]:
    """Node → how many neighbours it has in one direction; those without any are not named."""
    origin, target = _ends(way)
    query = _seen(select(origin, func.count(target.distinct())), target).group_by(origin)
    return {
        row[0]: row[1]
        for some in portions(sorted(nodes))
        for row in session.execute(query.where(origin.in_(steady(some))))
    }


def reachable(session: Session, start: Iterable[int], way: Way) -> set[int]:
    """Every node that can be reached from some, these included; however many there are."""
    starts = set(start)
    found = walk(session, starts, way, limit=_ALL, most=_ALL)
    return starts.union(*(arrow[:2] for arrow in found.arrows))


_COLUMNS = (LineageDep.child_id, LineageDep.parent_id, LineageDep.run_id, LineageDep.slot)
_End = InstrumentedAttribute[int]


def _ends(way: Way) -> tuple[_End, _End]:
    """The columns of where a step begins and where it leads."""
    if way == "up":
        return LineageDep.child_id, LineageDep.parent_id
    return LineageDep.parent_id, LineageDep.child_id


def _origin(arrow: Arrow, way: Way) -> int:
    return arrow.child if way == "up" else arrow.parent


def _target(arrow: Arrow, way: Way) -> int:
    return arrow.parent if way == "up" else arrow.child


@functools.cache
def _next_arrows(way: Way, *, is_all_seen: bool) -> Select[int, int, int, str]:
    """Made once: making a statement takes as long as having it answered."""
    origin, target = _ends(way)
    query = select(*_COLUMNS).where(origin.in_(bindparam("origins", expanding=True)))
    if not is_all_seen:
        query = query.join(Node, Node.id == target)
    return query.order_by(origin, target).limit(bindparam("rows", type_=Integer))


def _is_all_seen() -> bool:
    viewer = present_viewer()
    return viewer is None or viewer.projects() is None


def _seen(query: Select[*_Columns], node: _End) -> Select[*_Columns]:
    """Only the rows with nodes that are seen; who sees everything is not made to wait for that."""
    return query if _is_all_seen() else query.join(Node, Node.id == node)


def _widest(arrows: Iterable[Any], way: Way) -> int:
    """The greatest number of neighbours that a node has here."""
    neighbours: dict[int, set[int]] = defaultdict(set)
    for child, parent, _, _ in arrows:
        origin, target = (child, parent) if way == "up" else (parent, child)
        neighbours[origin].add(target)
    return max(map(len, neighbours.values()), default=0)


def _level(
    session: Session, nodes: Iterable[int], way: Way, limit: int
) -> Iterator[tuple[int, list[Arrow], bool]]:
    """Every node with its first arrows, and whether it has more."""
    rest = sorted(nodes)
    rows_at_once = max(_ROWS_AT_ONCE, 4 * limit)
    while rest:
        portion = rest[:_PORTION]
        rows = session.execute(*next_arrows(portion, way, rows=rows_at_once)).all()
        groups: dict[int, list[Arrow]] = defaultdict(list)
        for row in rows:
            arrow = Arrow(*row)
            groups[_origin(arrow, way)].append(arrow)
        told = portion
        if len(rows) == rows_at_once:  # the last node may have more than was read
            last = _origin(Arrow(*rows[-1]), way)
            told = portion[: portion.index(last) + (len(groups) == 1)]
            if _widest(groups[last], way) > limit and last not in told:
                told.append(last)
        for node in told:
            yield node, *_first(groups[node], way, limit)
        rest = rest[len(told) :]


def _first(arrows: Sequence[Arrow], way: Way, limit: int) -> tuple[list[Arrow], bool]:
    """The arrows to the first neighbours, and whether there are others."""
    targets = list(dict.fromkeys(_target(arrow, way) for arrow in arrows))
    kept = set(targets[:limit])
    return [arrow for arrow in arrows if _target(arrow, way) in kept], len(targets) > limit
