"""What stands directly above or below something in the lineage, a page at a time.

The list of a node has up to three parts: the image set of a dataset, what runs recorded, and the
pictures of a dataset. A place in it is the number of the part and of the last item: `1:2047`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Integer, Select, bindparam, func, select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.lineage import Way
from sdxl_reg.catalog.lineage_nodes import (
    GraphEdge,
    GraphNode,
    Root,
    find_root,
    node_of,
    recorded_nodes,
    runs_of,
)
from sdxl_reg.catalog.lineage_walk import Arrow, neighbour_counts, neighbours_after
from sdxl_reg.catalog.origins import origins_of
from sdxl_reg.catalog.paging import Page, Slice, page_after
from sdxl_reg.errors import InvalidValue
from sdxl_reg.tables import (
    Blob,
    Dataset,
    DatasetEntry,
    DatasetVersion,
    Image,
    Run,
)
from sdxl_reg.vocabulary import NodeKind

SET, RECORDED, PICTURES = range(3)
_PLACE = re.compile(r"([0-2]):([0-9]{1,18})", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Neighbour:
    """Something directly above or below something else.

    Attributes:
        place: Its part of the list, and its number there.
        node: What it is.
        edges: The arrows between the two.
    """

    place: tuple[int, int]
    node: GraphNode
    edges: Sequence[GraphEdge]


@dataclass(frozen=True, kw_only=True)
class Neighbours:
    """A page of what stands directly above or below something.

    Attributes:
        root: What was asked for.
        way: Above (`up`) or below (`down`).
        total: How many there are on all pages; a picture counts as often as its dataset names it.
        page: Some of them.
        runs: Those on the arrows, oldest first.
    """

    root: GraphNode
    way: Way
    total: int
    page: Page[Neighbour]
    runs: Sequence[Run]


def neighbours_of(session: Session, reference: str, way: Way, part: Slice) -> Neighbours:
    """A page of what stands directly above or below something.

    Args:
        session: The transaction.
        reference: As `find_root` takes it.
        way: `up` to what it was made from, `down` to what was made from it.
        part: Which page.

    Raises:
        NotFound: Nothing is called so.
        InvalidValue: The cursor is none of this list.
    """
    after = _place_of(part)
    root = find_root(session, reference)
    found = next_neighbours(session, root, way, after=after, limit=part.limit + 1)
    shown = found[: part.limit]
    last = place_text(*shown[-1].place) if len(found) > part.limit else None
    return Neighbours(
        root=root.node,
        way=way,
        total=neighbours_in_all(session, root, way),
        page=page_after(shown, last),
        runs=runs_of(session, (edge for one in shown for edge in one.edges)),
    )


def place_text(part: int, number: int) -> str:
    """A place as cursors hold it: `1:2047`.

    Args:
        part: `SET`, `RECORDED` or `PICTURES`.
        number: Of the last item before it.
    """
    return f"{part}:{number}"


def next_neighbours(
    session: Session, root: Root, way: Way, *, after: tuple[int, int] | None, limit: int
) -> list[Neighbour]:
    """The next of what stands directly above or below something.

    Args:
        session: The transaction.
        root: What it stands above or below.
        way: As `neighbours_of` takes it.
        after: The place of the last one before; none at first.
        limit: At most so many.
    """
    part, number = after or (SET, 0)
    found: list[Neighbour] = []
    if after is None and way == "up":
        found += image_sets_above([root])
    if part <= RECORDED:
        last = number if part == RECORDED else 0
        found += _recorded(session, root, way, after=last, limit=limit - len(found))
    if root.node.kind == NodeKind.DATASET and way == "up" and len(found) < limit:
        last = number if part == PICTURES else 0
        found += pictures_after(session, root, after=last, limit=limit - len(found))
    return found[:limit]


def neighbours_in_all(session: Session, root: Root, way: Way) -> int:
    """How many neighbours something has in one direction.

    Args:
        session: The transaction.
        root: What it is.
        way: As `neighbours_of` takes it.
    """
    if root.is_recorded:
        count = neighbour_counts(session, [root.row], way).get(root.row, 0)
        return count + (behind_dataset(root) if way == "up" else 0)
    if way == "up":
        return len(_origin(session, root)) if root.node.kind == NodeKind.IMAGE else 0
    rows = _dataset_versions(root).subquery()
    return session.scalar(select(func.count()).select_from(rows)) or 0


def behind_dataset(root: Root) -> int:
    """How much follows from the manifest of a dataset version: its set and its pictures."""
    return 1 + int(root.node.facts["images"]) if root.node.kind == NodeKind.DATASET else 0


def image_sets_above(roots: Iterable[Root]) -> list[Neighbour]:
    """The image sets of dataset versions; nothing above anything else.

    Args:
        roots: What they may stand above.
    """
    return [
        _behind(
            root.node, node_of(NodeKind.IMAGE_SET, root.node.facts["image_set"]), place=(SET, 0)
        )
        for root in roots
        if root.node.kind == NodeKind.DATASET
    ]


def pictures_after(session: Session, root: Root, *, after: int, limit: int) -> list[Neighbour]:
    """The next pictures of a dataset version, in the order of its manifest.

    Args:
        session: The transaction.
        root: The dataset version.
        after: 1 + the position of the last one before, 0 at first.
        limit: At most so many.
    """
    return [
        _behind(
            root.node,
            node_of(
                NodeKind.IMAGE,
                row.sha256,
                {"path": row.source_path, "caption": row.caption, "tags": row.tag_path},
            ),
            place=(PICTURES, row.position + 1),
        )
        for row in session.execute(_PICTURES, {"node": root.row, "after": after, "rows": limit})
    ]


_IMAGE = Image.__table__  # whoever sees an entry sees its picture: it need not be asked again
_PICTURES = (
    select(
        DatasetEntry.position,
        DatasetEntry.source_path,
        DatasetEntry.caption,
        DatasetEntry.tag_path,
        Blob.sha256,
    )
    .join(DatasetVersion, DatasetVersion.id == DatasetEntry.dataset_version_id)
    .join(_IMAGE, DatasetEntry.image_id == _IMAGE.c.id)
    .join(Blob, _IMAGE.c.blob_id == Blob.id)
    .where(DatasetVersion.node_id == bindparam("node"), DatasetEntry.position >= bindparam("after"))
    .order_by(DatasetEntry.position)
    .limit(bindparam("rows", type_=Integer))
)


def edges_of(arrows: Iterable[Arrow], nodes: Mapping[int, GraphNode]) -> list[GraphEdge]:
    """Recorded arrows with their nodes; those whose ends are not both seen are left out.

    Args:
        arrows: By the numbers of their nodes.
        nodes: Number → node.
    """
    return [
        GraphEdge(
            source=nodes[arrow.parent].id,
            target=nodes[arrow.child].id,
            run=arrow.run,
            slot=arrow.slot,
        )
        for arrow in arrows
        if arrow.parent in nodes and arrow.child in nodes
    ]


def _place_of(part: Slice) -> tuple[int, int] | None:
    place = part.place
    if place is None:
        return None
    found = _PLACE.fullmatch(place)
    if found is None:
        raise InvalidValue(
            "not a cursor of this list",
            part.cursor,
            remedy="Give `next` of the page before, unchanged",
        )
    return int(found[1]), int(found[2])


def _recorded(session: Session, root: Root, way: Way, *, after: int, limit: int) -> list[Neighbour]:
    if root.is_recorded:
        found = neighbours_after(session, root.row, way, after=after, limit=limit)
        nodes = recorded_nodes(session, [number for number, _ in found]) | {root.row: root.node}
        return [
            Neighbour(place=(RECORDED, number), node=nodes[number], edges=edges_of(arrows, nodes))
            for number, arrows in found
            if number in nodes
        ]
    if way == "up":
        return [one for one in _origin(session, root) if one.place[1] > after]
    rows = _dataset_versions(root).where(DatasetVersion.node_id > after)
    numbers = session.scalars(rows.order_by(DatasetVersion.node_id).limit(limit)).all()
    return [
        _behind(node, root.node, place=(RECORDED, number), other=node)
        for number, node in recorded_nodes(session, numbers).items()
    ]


def _dataset_versions(root: Root) -> Select[int]:
    """The nodes of the dataset versions that an image or an image set went into."""
    query = select(DatasetVersion.node_id)
    if root.node.kind == NodeKind.IMAGE_SET:
        return query.join(Dataset).where(Dataset.image_set_id == root.row)
    return query.join(DatasetEntry).where(DatasetEntry.image_id == root.row).distinct()


def _origin(session: Session, root: Root) -> list[Neighbour]:
    """What drew a picture."""
    if root.node.kind != NodeKind.IMAGE:
        return []
    found = origins_of(session, [root.row]).get(root.row)
    if found is None:
        return []
    node = recorded_nodes(session, [found.node_id])[found.node_id]
    edge = GraphEdge(source=node.id, target=root.node.id, run=found.run_id, slot="picture")
    return [Neighbour(place=(RECORDED, found.node_id), node=node, edges=[edge])]


def _behind(
    dataset: GraphNode,
    source: GraphNode,
    *,
    place: tuple[int, int],
    other: GraphNode | None = None,
) -> Neighbour:
    """An image or an image set beside a dataset version that has it; the neighbour is the former.

    Args:
        dataset: The version.
        source: The image or the image set.
        place: In the list.
        other: The neighbour, where it is the latter.
    """
    edge = GraphEdge(source=source.id, target=dataset.id, run=None, slot=str(source.kind))
    return Neighbour(place=place, node=other or source, edges=[edge])
