"""The lineage graph of anything: what it was made from, and what was made from it.

Runs are edges, everything else is a node. Between recorded nodes the edges are rows; from a dataset
version to the pictures and the image set behind it they follow from its manifest.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from sdxl_reg.catalog.artifacts import find_version, version_ref
from sdxl_reg.catalog.datasets import find_dataset_version
from sdxl_reg.catalog.datasets import version_ref as dataset_ref
from sdxl_reg.catalog.images import find_image_set
from sdxl_reg.catalog.lineage import Way, edges_among, reachable
from sdxl_reg.catalog.origins import origins_of
from sdxl_reg.catalog.references import parse_reference
from sdxl_reg.errors import NotFound
from sdxl_reg.imaging.names import name_key
from sdxl_reg.tables import (
    Artifact,
    ArtifactVersion,
    Blob,
    Dataset,
    DatasetEntry,
    DatasetVersion,
    Generation,
    Grid,
    Image,
    Run,
)
from sdxl_reg.vocabulary import NodeKind


@dataclass(frozen=True, kw_only=True)
class GraphNode:
    """A node of the graph.

    Attributes:
        id: Kind and reference, unique in every graph: `artifact:weipin-lora@3`.
        kind: What it is.
        ref: How users write it.
        facts: What is worth showing of it, as JSON.
    """

    id: str
    kind: NodeKind
    ref: str
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class GraphEdge:
    """An arrow from what went in to what came out.

    Attributes:
        source: Node id of the input.
        target: Node id of the output.
        run: Number of the run; none where no run was needed (an image in a dataset).
        slot: As what it went in: `base`, `dataset`, `version`, `image`, `image_set`.
    """

    source: str
    target: str
    run: int | None
    slot: str


@dataclass(frozen=True, kw_only=True)
class LineageGraph:
    """A part of the lineage.

    Attributes:
        root: Id of the node that was asked for.
        nodes: The root first, then by id of their rows, images last.
        edges: All arrows between these nodes.
        runs: The runs on these arrows, oldest first.
    """

    root: str
    nodes: list[GraphNode]
    edges: list[GraphEdge]
    runs: list[Run]


def lineage_of(
    session: Session,
    reference: str,
    *,
    ways: Sequence[Way] = ("up", "down"),
    depth: int | None = None,
) -> LineageGraph:
    """The lineage of something.

    Args:
        session: The transaction.
        reference: An artifact (`weipin-lora@best`) or, with its kind before it, `dataset:weipin@1`,
            `grid:2`, `generation:1`, `image_set:weipin`, `image:<sha256>`; a dataset's reference
            alone will do where no artifact has that name.
        ways: `up` to what it was made from, `down` to what was made from it.
        depth: Greatest number of arrows from the root; none is without limit.

    Raises:
        NotFound: Nothing is called so.
    """
    root, starts = _root_of(session, reference)
    ids: set[int] = set()
    for way in ways:
        ids |= reachable(session, starts, way)
    recorded = _recorded_nodes(session, ids)  # without those of projects that are not read
    edges = [
        GraphEdge(
            source=recorded[dep.parent_id].id,
            target=recorded[dep.child_id].id,
            run=dep.run_id,
            slot=dep.slot,
        )
        for dep in edges_among(session, ids)
        if dep.parent_id in recorded and dep.child_id in recorded
    ]
    edges += _drawn_by(session, root) if "up" in ways else []
    sources, source_edges = _behind_datasets(session, ids, recorded, root, ways)
    nodes = {node.id: node for node in [root, *recorded.values(), *sources]}
    return _trimmed(session, root, nodes, edges + source_edges, depth)


def refs_of(session: Session, node_ids: Iterable[int]) -> dict[int, str]:
    """How users write recorded nodes: `artifact:weipin-lora@3`."""
    return {node_id: node.id for node_id, node in _recorded_nodes(session, node_ids).items()}


def _root_of(session: Session, reference: str) -> tuple[GraphNode, list[int]]:
    """The node asked for, and the recorded nodes to start from."""
    kind, colon, rest = reference.partition(":")
    if colon and kind == NodeKind.IMAGE:
        return _image_root(session, rest)
    if colon and kind == NodeKind.IMAGE_SET:
        found = find_image_set(session, rest)
        query = select(DatasetVersion.node_id).join(Dataset)
        starts = session.scalars(query.where(Dataset.image_set_id == found.id))
        return _node(NodeKind.IMAGE_SET, found.name), list(starts)
    node_id = _recorded_root(session, kind if colon else "", rest if colon else reference)
    return _recorded_nodes(session, [node_id])[node_id], [node_id]


def _recorded_root(session: Session, kind: str, reference: str) -> int:
    if kind == NodeKind.GRID:
        grid = session.get(Grid, int(reference)) if reference.isdigit() else None
        if grid is None:
            raise NotFound("grid", reference, remedy="See: sdxl-reg grids")
        return grid.node_id
    if kind == NodeKind.GENERATION:
        found = session.get(Generation, int(reference)) if reference.isdigit() else None
        if found is None:
            raise NotFound("generation", reference, remedy="See: sdxl-reg generations")
        return found.node_id
    if kind == NodeKind.DATASET or (not kind and _is_dataset_only(session, reference)):
        return find_dataset_version(session, reference).node_id
    return find_version(session, reference).node_id


def _is_dataset_only(session: Session, reference: str) -> bool:
    """Whether a dataset has that name and no artifact does."""
    key = name_key(parse_reference(reference).name)
    if session.scalar(select(Artifact.id).where(Artifact.name_key == key)) is not None:
        return False
    return session.scalar(select(Dataset.id).where(Dataset.name_key == key)) is not None


def _image_root(session: Session, digest: str) -> tuple[GraphNode, list[int]]:
    """An image, by its digest or the beginning of it."""
    query = select(Image).join(Blob).where(Blob.sha256.startswith(digest, autoescape=True))
    image = session.scalar(query.limit(1)) if len(digest) >= 8 else None
    if image is None:
        raise NotFound("image", digest, remedy="Give its SHA-256, at least the first 8 digits")
    versions = select(DatasetVersion.node_id).join(DatasetEntry)
    starts = session.scalars(versions.where(DatasetEntry.image_id == image.id).distinct())
    origins = origins_of(session, [image.id]).values()
    root = _node(NodeKind.IMAGE, image.blob.sha256, _size(image))
    return root, [*starts, *(origin.node_id for origin in origins)]


def _drawn_by(session: Session, root: GraphNode) -> list[GraphEdge]:
    """The arrow to a picture from what drew it."""
    if root.kind != NodeKind.IMAGE:
        return []
    images = session.scalars(select(Image.id).join(Blob).where(Blob.sha256 == root.ref)).all()
    return [
        GraphEdge(source=origin.ref, target=root.id, run=origin.run_id, slot="picture")
        for origin in origins_of(session, images).values()
    ]


def _recorded_nodes(session: Session, ids: Iterable[int]) -> dict[int, GraphNode]:
    wanted = sorted(ids)
    nodes: dict[int, GraphNode] = {}
    for dataset in session.scalars(
        select(DatasetVersion)
        .where(DatasetVersion.node_id.in_(wanted))
        .options(joinedload(DatasetVersion.dataset))
    ):
        facts = {"images": dataset.image_count, "digest": dataset.digest}
        nodes[dataset.node_id] = _node(NodeKind.DATASET, dataset_ref(dataset), facts)
    for version in session.scalars(
        select(ArtifactVersion)
        .where(ArtifactVersion.node_id.in_(wanted))
        .options(joinedload(ArtifactVersion.artifact))
    ):
        nodes[version.node_id] = _node(NodeKind.ARTIFACT, version_ref(version), _made(version))
    for generation in session.scalars(
        select(Generation)
        .where(Generation.node_id.in_(wanted))
        .options(selectinload(Generation.pictures))
    ):
        facts = {
            "pictures": len(generation.pictures),
            "prompt": generation.pictures[0].picture.get("prompt", ""),
        }
        nodes[generation.node_id] = _node(NodeKind.GENERATION, str(generation.id), facts)
    for grid in session.scalars(
        select(Grid).where(Grid.node_id.in_(wanted)).options(joinedload(Grid.artifact))
    ):
        facts = {"artifact": grid.artifact.name, "reason": grid.reason}
        nodes[grid.node_id] = _node(NodeKind.GRID, str(grid.id), facts)
    return dict(sorted(nodes.items()))


def _behind_datasets(
    session: Session,
    ids: Iterable[int],
    recorded: dict[int, GraphNode],
    root: GraphNode,
    ways: Sequence[Way],
) -> tuple[list[GraphNode], list[GraphEdge]]:
    """The image sets and pictures behind the dataset versions of a graph."""
    nodes: list[GraphNode] = []
    edges: list[GraphEdge] = []
    query = select(DatasetVersion).where(DatasetVersion.node_id.in_(list(ids)))
    for version in session.scalars(query.order_by(DatasetVersion.node_id)):
        target = recorded[version.node_id].id
        image_set = _node(NodeKind.IMAGE_SET, version.dataset.image_set.name)
        images = _images_of(session, version) if "up" in ways else []
        if root.kind == NodeKind.IMAGE:
            images = [image for image in images if image.id == root.id] or [root]
        nodes += [image_set, *images]
        edges.append(
            GraphEdge(source=image_set.id, target=target, run=None, slot=NodeKind.IMAGE_SET)
        )
        edges += [
            GraphEdge(source=image.id, target=target, run=None, slot=NodeKind.IMAGE)
            for image in images
        ]
    return nodes, edges


def _images_of(session: Session, version: DatasetVersion) -> list[GraphNode]:
    rows = session.execute(
        select(DatasetEntry, Blob.sha256)
        .join(Image, DatasetEntry.image_id == Image.id)
        .join(Blob, Image.blob_id == Blob.id)
        .where(DatasetEntry.dataset_version_id == version.id)
        .order_by(DatasetEntry.position)
    )
    paths: dict[str, list[DatasetEntry]] = defaultdict(list)
    for entry, sha256 in rows:
        paths[sha256].append(entry)
    return [
        _node(
            NodeKind.IMAGE,
            sha256,
            {
                "path": entries[0].source_path,
                "caption": entries[0].caption,
                "tags": entries[0].tag_path,
            },
        )
        for sha256, entries in paths.items()
    ]


def _trimmed(
    session: Session,
    root: GraphNode,
    nodes: dict[str, GraphNode],
    edges: list[GraphEdge],
    depth: int | None,
) -> LineageGraph:
    kept = _within(root.id, edges, depth)
    shown = [edge for edge in edges if edge.source in kept and edge.target in kept]
    run_ids = {edge.run for edge in shown if edge.run is not None}
    runs = session.scalars(select(Run).where(Run.id.in_(run_ids)).order_by(Run.id)).all()
    return LineageGraph(
        root=root.id,
        nodes=[node for key, node in nodes.items() if key in kept],
        edges=shown,
        runs=list(runs),
    )


def _within(root: str, edges: Iterable[GraphEdge], depth: int | None) -> set[str]:
    """Ids up to so many arrows above and below the root, each way for itself."""
    above: dict[str, set[str]] = defaultdict(set)
    below: dict[str, set[str]] = defaultdict(set)
    for edge in edges:
        above[edge.target].add(edge.source)
        below[edge.source].add(edge.target)
    found = {root}
    for neighbours in (above, below):
        border, distance, seen = {root}, 0, {root}
        while border and (depth is None or distance < depth):
            border = set().union(*(neighbours[node] for node in border)) - seen
            seen |= border
            distance += 1
        found |= seen
    return found


def _node(kind: NodeKind, ref: str, facts: dict[str, Any] | None = None) -> GraphNode:
    return GraphNode(id=f"{kind}:{ref}", kind=kind, ref=ref, facts=facts or {})


def _made(version: ArtifactVersion) -> dict[str, Any]:
    return {
        "artifact_kind": str(version.artifact.kind),
        "digest": version.digest,
        "epoch": version.epoch,
        "step": version.step,
        "loss": version.loss,
    }


def _size(image: Image) -> dict[str, Any]:
    return {"width": image.width, "height": image.height}
