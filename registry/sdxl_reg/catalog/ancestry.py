"""The lineage graph of anything: what it was made from, and what was made from it.

Runs are edges, everything else is a node. Between recorded nodes the edges are rows; from a dataset
version to the pictures and the image set behind it they follow from its manifest. A graph is never
larger than it was asked to be: nodes with more neighbours say how many, and where the rest begins.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from sdxl_reg.catalog.lineage import Way
from sdxl_reg.catalog.lineage_neighbours import edges_of
from sdxl_reg.catalog.lineage_nodes import GraphEdge, GraphNode, find_root, runs_of
from sdxl_reg.catalog.lineage_sides import Bounds, Cut, Side, sides_of
from sdxl_reg.catalog.lineage_walk import arrows_between
from sdxl_reg.tables import Run

NEIGHBOURS = 100
"""So many neighbours of a node a graph shows, unless it is asked for another number."""


@dataclass(frozen=True, kw_only=True)
class LineageGraph:
    """A part of the lineage.

    Attributes:
        root: Id of the node that was asked for.
        nodes: The root first, then by id of their rows, images last.
        edges: The arrows between these nodes.
        runs: The runs on these arrows, oldest first.
        cuts: The nodes with neighbours that are not shown.
    """

    root: str
    nodes: list[GraphNode]
    edges: list[GraphEdge]
    runs: list[Run]
    cuts: list[Cut] = field(default_factory=list)


def lineage_of(
    session: Session,
    reference: str,
    *,
    ways: Sequence[Way] = ("up", "down"),
    depth: int | None = None,
    limit: int = NEIGHBOURS,
) -> LineageGraph:
    """The lineage of something.

    Args:
        session: The transaction.
        reference: As `lineage_nodes.find_root` takes it: `weipin-lora@best`, `dataset:weipin@1`, …
        ways: `up` to what it was made from, `down` to what was made from it.
        depth: Greatest number of arrows from the root; none is without limit.
        limit: Of each node at most so many neighbours each way, ≥ 1. Each side has about a thousand
            recorded nodes at most, or `limit` where that is more, and as many pictures.

    Raises:
        NotFound: Nothing is called so.
    """
    root = find_root(session, reference)
    sides = sides_of(session, root, ways, Bounds(limit=limit, depth=depth))
    recorded = {row: node for side in sides for row, node in side.recorded.items()}
    behind = [one for side in sides for one in side.behind]
    nodes = [root.node, *(recorded[row] for row in sorted(recorded)), *(n.node for n in behind)]
    edges = [edge for side in sides for edge in side.edges]
    edges += _between(session, sides, limit) if len(sides) > 1 else []
    edges += [edge for one in behind for edge in one.edges]
    return LineageGraph(
        root=root.node.id,
        nodes=list({node.id: node for node in reversed(nodes)}.values())[::-1],
        edges=list(dict.fromkeys(edges)),
        runs=runs_of(session, edges),
        cuts=[cut for side in sides for cut in side.cuts],
    )


def _between(session: Session, sides: Sequence[Side], limit: int) -> list[GraphEdge]:
    """The arrows from what lies above to what lies below, past what was asked for."""
    above, below = (side.recorded for side in sides)
    arrows = arrows_between(session, above, below.keys() - above.keys(), limit=limit)
    return edges_of(arrows, {**above, **below})
