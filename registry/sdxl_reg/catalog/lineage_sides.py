"""One side of a lineage graph: what lies above something, or what lies below it, within bounds."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from sdxl_reg.catalog.lineage import Way
from sdxl_reg.catalog.lineage_neighbours import (
    PICTURES,
    RECORDED,
    Neighbour,
    behind_dataset,
    edges_of,
    image_sets_above,
    neighbours_in_all,
    next_neighbours,
    pictures_after,
    place_text,
)
from sdxl_reg.catalog.lineage_nodes import GraphEdge, GraphNode, Root, recorded_nodes
from sdxl_reg.catalog.lineage_walk import MOST_NODES, Walk, neighbour_counts, walk
from sdxl_reg.catalog.paging import cursor_of
from sdxl_reg.vocabulary import NodeKind


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """How much of a lineage is wanted.

    Attributes:
        limit: Of each node at most so many neighbours each way, ≥ 1.
        depth: At most so many arrows from where it begins, ≥ 1; none is without limit.
    """

    limit: int
    depth: int | None = None

    @property
    def most(self) -> int:
        """About so many recorded nodes on a side, and as many pictures."""
        return max(MOST_NODES, self.limit)


@dataclass(frozen=True, kw_only=True)
class Cut:
    """A node that has more neighbours than the graph shows.

    Attributes:
        node: Its id.
        way: Above (`up`) or below (`down`).
        shown: How many of them the graph shows.
        total: How many there are; a picture counts as often as its dataset names it.
        next: Cursor of the others, for `lineage_neighbours.neighbours_of`; none from the first on.
    """

    node: str
    way: Way
    shown: int
    total: int
    next: str | None


@dataclass(frozen=True, kw_only=True)
class Side:
    """What lies above something, or what lies below it.

    Attributes:
        way: Which of the two.
        recorded: Number → node, by number; with the one that was asked for, if it is recorded.
        edges: The arrows between these, and to an image or image set that was asked for.
        behind: The image sets and pictures of the datasets above.
        cuts: Where more would follow.
    """

    way: Way
    recorded: Mapping[int, GraphNode]
    edges: list[GraphEdge]
    behind: list[Neighbour] = field(default_factory=list)
    cuts: list[Cut] = field(default_factory=list)


def sides_of(session: Session, root: Root, ways: Sequence[Way], bounds: Bounds) -> list[Side]:
    """What lies above something, or below it, or both.

    Args:
        session: The transaction.
        root: What somebody asked for.
        ways: `up` to what it was made from, `down` to what was made from it.
        bounds: How much is wanted.
    """
    walks = [_Walked(session, root, way, bounds) for way in ways]
    known = {row: node for one in walks for row, node in one.starts.items()}
    ends = {end for one in walks for arrow in one.found.arrows for end in arrow[:2]}
    nodes = recorded_nodes(session, ends - known.keys()) | known
    return [_side(session, one, nodes, bounds) for one in walks]


class _Walked:
    """A walk to one side, before it is known what stands at its nodes.

    Attributes:
        way: To which side.
        starts: Number → recorded node that it began at.
        edges: From an image or an image set that was asked for to these.
        cuts: Where it has more datasets than are wanted.
        left: How far from the starts it could go; none is without limit.
        found: The walk.
    """

    def __init__(self, session: Session, root: Root, way: Way, bounds: Bounds) -> None:
        self.way = way
        self.left = bounds.depth
        self.starts = {root.row: root.node}
        self.edges: list[GraphEdge] = []
        self.cuts: list[Cut] = []
        if not root.is_recorded:
            self._begin_at_datasets(session, root, bounds.limit)
        self.found = Walk()
        if self.starts and self.left != 0:
            self.found = walk(
                session, self.starts, way, limit=bounds.limit, depth=self.left, most=bounds.most
            )

    def _begin_at_datasets(self, session: Session, root: Root, limit: int) -> None:
        first = next_neighbours(session, root, self.way, after=None, limit=limit + 1)
        shown = first[:limit]
        if len(first) > limit:
            total = neighbours_in_all(session, root, self.way)
            self.cuts.append(_cut(root.node, self.way, limit, total, shown[-1].place))
        self.starts = {one.place[1]: one.node for one in shown}
        self.edges = [edge for one in shown for edge in one.edges]
        self.left = None if self.left is None else self.left - 1


def _side(
    session: Session, walked: _Walked, nodes: Mapping[int, GraphNode], bounds: Bounds
) -> Side:
    edges = edges_of(walked.found.arrows, nodes)
    distances = _distances(walked.starts, edges, nodes, walked.way)
    recorded = {row: nodes[row] for row in sorted(distances)}
    edges = walked.edges + edges_of(walked.found.arrows, recorded)
    side = Side(way=walked.way, recorded=recorded, edges=edges, cuts=walked.cuts)
    if walked.way == "up":
        ends = {row for row, distance in distances.items() if distance == walked.left}
        _look_behind(session, side, walked.found, bounds, ends=ends)
    _tell_cuts(session, side, walked.found)
    return side


def _cut(node: GraphNode, way: Way, shown: int, total: int, place: tuple[int, int] | None) -> Cut:
    following = None if place is None else cursor_of(place_text(*place))
    return Cut(node=node.id, way=way, shown=shown, total=total, next=following)


def _distances(
    starts: Iterable[int], edges: Iterable[GraphEdge], nodes: Mapping[int, GraphNode], way: Way
) -> dict[int, int]:
    """Number of a node → arrows from the starts; those that only hidden ones lead to are left out.

    Args:
        starts: Where it begins.
        edges: Between what is seen.
        nodes: Number → node.
        way: As the walk went.
    """
    rows = {node.id: row for row, node in nodes.items()}
    following: dict[int, list[int]] = defaultdict(list)
    for edge in edges:
        ends = rows[edge.source], rows[edge.target]
        origin, target = ends if way == "down" else reversed(ends)
        following[origin].append(target)
    distances: dict[int, int] = dict.fromkeys(starts, 0)
    border = list(distances)
    while border:
        beyond: dict[int, int] = {}
        for row in border:
            beyond |= {n: distances[row] + 1 for n in following[row] if n not in distances}
        distances |= beyond
        border = list(beyond)
    return distances


def _look_behind(
    session: Session, side: Side, found: Walk, bounds: Bounds, *, ends: set[int]
) -> None:
    """Add the image set and the first pictures of each dataset.

    Args:
        session: The transaction.
        side: To this.
        found: The walk: a dataset with more recorded neighbours than are wanted shows no pictures.
        bounds: How much is wanted.
        ends: The nodes that are as far away as is wanted.
    """
    above: dict[str, set[str]] = defaultdict(set)
    for edge in side.edges:
        above[edge.target].add(edge.source)
    datasets = [
        Root(node=node, row=row)
        for row, node in side.recorded.items()
        if node.kind == NodeKind.DATASET and row not in ends and found.cut.get(row) != 0
    ]
    side.behind.extend(image_sets_above(datasets))
    budget = bounds.most
    for root in datasets:
        if root.row in found.cut:
            continue
        beside = len(above[root.node.id]) + 1
        count = min(max(bounds.limit - beside, 0), budget)
        pictures = pictures_after(session, root, after=0, limit=count) if count else []
        budget -= len(pictures)
        side.behind.extend(pictures)
        shown, total = beside + len(pictures), beside - 1 + behind_dataset(root)
        if shown < total:
            place = pictures[-1].place if pictures else (PICTURES, 0)
            side.cuts.append(_cut(root.node, "up", shown, total, place))


def _tell_cuts(session: Session, side: Side, found: Walk) -> None:
    """Say of every node whose neighbours were not all followed how many there are."""
    rows = [row for row in found.cut if row in side.recorded]
    totals = neighbour_counts(session, rows, side.way) if rows else {}
    for row in rows:
        node, shown, total = side.recorded[row], found.cut[row], totals.get(row, 0)
        if node.kind == NodeKind.DATASET and side.way == "up":
            shown += 1 if shown else 0  # its image set
            total += behind_dataset(Root(node=node, row=row))
        if shown < total:
            place = (RECORDED, found.last[row]) if row in found.last else None
            side.cuts.append(_cut(node, side.way, shown, total, place))
