"""What stands at the nodes of a lineage, and finding the one that somebody asks for."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import BindParameter, and_, bindparam, func, select
from sqlalchemy.orm import Session, load_only

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
    ImageSet,
    Node,
    Run,
)
from sdxl_reg.vocabulary import ArtifactKind, NodeKind


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
    return _recorded(session, kind if colon else "", rest if colon else reference)


def refs_of(session: Session, node_ids: Iterable[int]) -> dict[int, str]:
    """How users write recorded nodes: `artifact:weipin-lora@3`."""
    return {row: node.id for row, node in recorded_nodes(session, node_ids).items()}


def recorded_nodes(session: Session, node_ids: Iterable[int]) -> dict[int, GraphNode]:
    """Number → node, by number; without those that are not seen."""
    return {
        row.id: _READ[row.kind](row)
        for some in portions(sorted(set(node_ids)))
        for row in session.execute(_NODES, {"ids": steady(some)})
    }


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


def _recorded(session: Session, kind: str, reference: str) -> Root:
    """What runs take and give."""
    if kind == NodeKind.GRID:
        grid = session.get(Grid, int(reference)) if reference.isdigit() else None
        if grid is None:
            raise NotFound("grid", reference, remedy="See: sdxl-reg grids")
        return _root_at(session, grid.node_id)
    if kind == NodeKind.GENERATION:
        found = session.get(Generation, int(reference)) if reference.isdigit() else None
        if found is None:
            raise NotFound("generation", reference, remedy="See: sdxl-reg generations")
        return _root_at(session, found.node_id)
    if kind == NodeKind.DATASET:
        return _root_at(session, find_dataset_version(session, reference).node_id)
    try:
        version = find_version(session, reference)
    except NotFound:
        if kind or not _is_dataset_only(session, reference):
            raise
        return _root_at(session, find_dataset_version(session, reference).node_id)
    node = _artifact(version.artifact.name, version.artifact.kind, version)
    return Root(node=node, row=version.node_id)


def _root_at(session: Session, row: int) -> Root:
    return Root(node=recorded_nodes(session, [row])[row], row=row)


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


def _artifact(name: str, kind: ArtifactKind, version: Any) -> GraphNode:
    """A version, by its row or by columns that are called so."""
    facts = {
        "artifact_kind": str(kind),
        "digest": version.digest,
        "epoch": version.epoch,
        "step": version.step,
        "loss": version.loss,
    }
    ref = str(Reference(name=name, version=version.version))
    return node_of(NodeKind.ARTIFACT, ref, facts)


def _dataset(row: Any) -> GraphNode:
    facts = {"images": row.image_count, "digest": row.manifest, "image_set": row.image_set}
    ref = str(Reference(name=row.dataset, version=row.frozen))
    return node_of(NodeKind.DATASET, ref, facts)


def _generation(row: Any) -> GraphNode:
    facts = {"pictures": row.pictures, "prompt": (row.picture or {}).get("prompt", "")}
    return node_of(NodeKind.GENERATION, str(row.generation), facts)


def _grid(row: Any) -> GraphNode:
    facts = {"artifact": row.artifact, "reason": row.reason}
    return node_of(NodeKind.GRID, str(row.grid), facts)


_READ: dict[NodeKind, Callable[[Any], GraphNode]] = {
    NodeKind.DATASET: _dataset,
    NodeKind.ARTIFACT: lambda row: _artifact(row.artifact, row.artifact_kind, row),
    NodeKind.GENERATION: _generation,
    NodeKind.GRID: _grid,
}

# Statements are made once: making one takes as long as having it answered.
_SOME: BindParameter[Any] = bindparam("ids", expanding=True)
_RUNS = (
    select(Run)
    .where(Run.id.in_(_SOME))
    .order_by(Run.id)
    .options(load_only(Run.title, Run.state, Run.spec))
)
# Whoever sees a node sees what stands there: by their tables, these are not asked for it again.
_version, _artifact_of = ArtifactVersion.__table__, Artifact.__table__
_frozen, _dataset_of, _set = DatasetVersion.__table__, Dataset.__table__, ImageSet.__table__
_compared, _drawn, _picture = Grid.__table__, Generation.__table__, GeneratedPicture.__table__
_others = _picture.alias()
_NODES = (
    select(
        Node.id,
        Node.kind,
        _artifact_of.c.name.label("artifact"),
        _artifact_of.c.kind.label("artifact_kind"),
        *(_version.c[name] for name in ("version", "digest", "epoch", "step", "loss")),
        _dataset_of.c.name.label("dataset"),
        _set.c.name.label("image_set"),
        _frozen.c.version.label("frozen"),
        _frozen.c.digest.label("manifest"),
        _frozen.c.image_count,
        _compared.c.id.label("grid"),
        _compared.c.reason,
        _drawn.c.id.label("generation"),
        _picture.c.picture,
        select(func.count())
        .select_from(_others)
        .where(_others.c.generation_id == _drawn.c.id)
        .scalar_subquery()
        .label("pictures"),
    )
    .outerjoin(_version, _version.c.node_id == Node.id)
    .outerjoin(_compared, _compared.c.node_id == Node.id)
    .outerjoin(
        _artifact_of,
        _artifact_of.c.id == func.coalesce(_version.c.artifact_id, _compared.c.artifact_id),
    )
    .outerjoin(_frozen, _frozen.c.node_id == Node.id)
    .outerjoin(_dataset_of, _dataset_of.c.id == _frozen.c.dataset_id)
    .outerjoin(_set, _set.c.id == _dataset_of.c.image_set_id)
    .outerjoin(_drawn, _drawn.c.node_id == Node.id)
    .outerjoin(_picture, and_(_picture.c.generation_id == _drawn.c.id, _picture.c.position == 0))
    .where(Node.id.in_(_SOME))
    .order_by(Node.id)
)
