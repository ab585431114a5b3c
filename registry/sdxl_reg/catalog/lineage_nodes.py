"""What stands at the nodes of a lineage, and finding the one that somebody asks for."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import BindParameter, and_, bindparam, func, select
from sqlalchemy.orm import Session, aliased, load_only

from sdxl_reg.catalog.artifacts import find_version
from sdxl_reg.catalog.datasets import find_dataset_version
from sdxl_reg.catalog.images import find_image_set
from sdxl_reg.catalog.portions import portions, steady
from sdxl_reg.catalog.references import Reference, parse_reference
from sdxl_reg.errors import NotFound
from sdxl_reg.imaging.names import name_key
from sdxl_reg.tables import (
    Artifact,
    ArtifactVersion,
    Blob,
    Dataset,
    DatasetVersion,
    GeneratedPicture,
    Generation,
    Grid,
    Image,
    Node,
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
class Root:
    """What somebody asked for.

    Attributes:
        node: As the graph shows it.
        row: Its number: of its node where it has one, else of the image or the image set.
    """

    node: GraphNode
    row: int

    @property
    def is_recorded(self) -> bool:
        """Whether runs take it and give it; images and image sets are behind datasets only."""
        return self.node.kind not in (NodeKind.IMAGE, NodeKind.IMAGE_SET)


def find_root(session: Session, reference: str) -> Root:
    """What a reference means.

    Args:
        session: The transaction.
        reference: An artifact (`weipin-lora@best`) or, with its kind before it, `dataset:weipin@1`,
            `grid:2`, `generation:1`, `image_set:weipin`, `image:<sha256>`; a dataset's reference
            alone will do where no artifact has that name.

    Raises:
        NotFound: Nothing is called so.
    """
    kind, colon, rest = reference.partition(":")
    if colon and kind == NodeKind.IMAGE:
        return _image(session, rest)
    if colon and kind == NodeKind.IMAGE_SET:
        found = find_image_set(session, rest)
        return Root(node=node_of(NodeKind.IMAGE_SET, found.name), row=found.id)
    row, read = _recorded(session, kind if colon else "", rest if colon else reference)
    return Root(node=dict(read(session, [row]))[row], row=row)


def refs_of(session: Session, node_ids: Iterable[int]) -> dict[int, str]:
    """How users write recorded nodes: `artifact:weipin-lora@3`."""
    return {row: node.id for row, node in recorded_nodes(session, node_ids).items()}


def recorded_nodes(session: Session, node_ids: Iterable[int]) -> dict[int, GraphNode]:
    """Number → node, by number; without those that are not seen."""
    found: dict[int, GraphNode] = {}
    for some in portions(sorted(set(node_ids))):
        ids = steady(some)
        for kind in session.scalars(_KINDS, {"ids": ids}).all():
            found.update(_READ[kind](session, ids))
    return dict(sorted(found.items()))


def runs_of(session: Session, edges: Iterable[GraphEdge]) -> list[Run]:
    """The runs on some arrows, oldest first."""
    numbers = sorted({edge.run for edge in edges if edge.run is not None})
    return [
        run for some in portions(numbers) for run in session.scalars(_RUNS, {"ids": steady(some)})
    ]


def node_of(kind: NodeKind, ref: str, facts: dict[str, Any] | None = None) -> GraphNode:
    """A node.

    Args:
        kind: What it is.
        ref: How users write it.
        facts: What is worth showing of it.
    """
    return GraphNode(id=f"{kind}:{ref}", kind=kind, ref=ref, facts=facts or {})


def _recorded(session: Session, kind: str, reference: str) -> "tuple[int, _Reader]":
    """The number of a recorded node, and what reads nodes of its kind."""
    if kind == NodeKind.GRID:
        grid = session.get(Grid, int(reference)) if reference.isdigit() else None
        if grid is None:
            raise NotFound("grid", reference, remedy="See: sdxl-reg grids")
        return grid.node_id, _grids
    if kind == NodeKind.GENERATION:
        found = session.get(Generation, int(reference)) if reference.isdigit() else None
        if found is None:
            raise NotFound("generation", reference, remedy="See: sdxl-reg generations")
        return found.node_id, _generations
    if kind == NodeKind.DATASET or (not kind and _is_dataset_only(session, reference)):
        return find_dataset_version(session, reference).node_id, _datasets
    return find_version(session, reference).node_id, _versions


def _is_dataset_only(session: Session, reference: str) -> bool:
    """Whether a dataset has that name and no artifact does."""
    key = name_key(parse_reference(reference).name)
    if session.scalar(select(Artifact.id).where(Artifact.name_key == key)) is not None:
        return False
    return session.scalar(select(Dataset.id).where(Dataset.name_key == key)) is not None


def _image(session: Session, digest: str) -> Root:
    """An image, by its digest or the beginning of it."""
    query = select(Image).join(Blob).where(Blob.sha256.startswith(digest, autoescape=True))
    image = session.scalar(query.limit(1)) if len(digest) >= 8 else None
    if image is None:
        raise NotFound("image", digest, remedy="Give its SHA-256, at least the first 8 digits")
    size = {"width": image.width, "height": image.height}
    return Root(node=node_of(NodeKind.IMAGE, image.blob.sha256, size), row=image.id)


# Statements are made once: making one takes as long as having it answered.
_SOME: BindParameter[Any] = bindparam("ids", expanding=True)
_KINDS = select(Node.kind).where(Node.id.in_(_SOME)).distinct()
_RUNS = (
    select(Run)
    .where(Run.id.in_(_SOME))
    .order_by(Run.id)
    .options(load_only(Run.title, Run.state, Run.spec))
)
_DATASETS = (
    select(
        DatasetVersion.node_id,
        Dataset.name,
        DatasetVersion.version,
        DatasetVersion.image_count,
        DatasetVersion.digest,
    )
    .join(Dataset)
    .where(DatasetVersion.node_id.in_(_SOME))
)
_VERSIONS = (
    select(
        ArtifactVersion.node_id,
        Artifact.name,
        Artifact.kind,
        ArtifactVersion.version,
        ArtifactVersion.digest,
        ArtifactVersion.epoch,
        ArtifactVersion.step,
        ArtifactVersion.loss,
    )
    .join(Artifact)
    .where(ArtifactVersion.node_id.in_(_SOME))
)
_OTHERS = aliased(GeneratedPicture)
_GENERATIONS = (
    select(
        Generation.node_id,
        Generation.id,
        GeneratedPicture.picture,
        select(func.count(_OTHERS.id))
        .where(_OTHERS.generation_id == Generation.id)
        .scalar_subquery()
        .label("pictures"),
    )
    .outerjoin(
        GeneratedPicture,
        and_(GeneratedPicture.generation_id == Generation.id, GeneratedPicture.position == 0),
    )
    .where(Generation.node_id.in_(_SOME))
)
_GRIDS = (
    select(Grid.node_id, Grid.id, Artifact.name, Grid.reason)
    .join(Artifact, Artifact.id == Grid.artifact_id)
    .where(Grid.node_id.in_(_SOME))
)

_Numbered = Iterator[tuple[int, GraphNode]]
_Reader = Callable[[Session, Sequence[int]], _Numbered]


def _datasets(session: Session, node_ids: Sequence[int]) -> _Numbered:
    for row in session.execute(_DATASETS, {"ids": node_ids}):
        facts = {"images": row.image_count, "digest": row.digest}
        ref = str(Reference(name=row.name, version=row.version))
        yield row.node_id, node_of(NodeKind.DATASET, ref, facts)


def _versions(session: Session, node_ids: Sequence[int]) -> _Numbered:
    for row in session.execute(_VERSIONS, {"ids": node_ids}):
        facts = {
            "artifact_kind": str(row.kind),
            "digest": row.digest,
            "epoch": row.epoch,
            "step": row.step,
            "loss": row.loss,
        }
        ref = str(Reference(name=row.name, version=row.version))
        yield row.node_id, node_of(NodeKind.ARTIFACT, ref, facts)


def _generations(session: Session, node_ids: Sequence[int]) -> _Numbered:
    for row in session.execute(_GENERATIONS, {"ids": node_ids}):
        facts = {"pictures": row.pictures, "prompt": (row.picture or {}).get("prompt", "")}
        yield row.node_id, node_of(NodeKind.GENERATION, str(row.id), facts)


def _grids(session: Session, node_ids: Sequence[int]) -> _Numbered:
    for row in session.execute(_GRIDS, {"ids": node_ids}):
        facts = {"artifact": row.name, "reason": row.reason}
        yield row.node_id, node_of(NodeKind.GRID, str(row.id), facts)


_READ: dict[NodeKind, _Reader] = {
    NodeKind.DATASET: _datasets,
    NodeKind.ARTIFACT: _versions,
    NodeKind.GENERATION: _generations,
    NodeKind.GRID: _grids,
}
