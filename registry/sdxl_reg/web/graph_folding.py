"""A lineage graph as it is drawn: runs as points of their own, pictures folded by their tags."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from sdxl_reg.catalog.ancestry import LineageGraph
from sdxl_reg.catalog.lineage_nodes import GraphEdge, GraphNode
from sdxl_reg.vocabulary import NodeKind

MAX_SINGLE_IMAGES = 12
_FAN = 3
_MAX_SIGNS = 22
_MAX_SIGNS_BESIDE_PICTURES = 17


@dataclass(frozen=True, kw_only=True)
class Vertex:
    """Something to be drawn.

    Attributes:
        id: Unique in the drawing.
        kind: `image`, `images`, `image_set`, `dataset`, `artifact`, `grid`,
            `generation` or `run`.
        title: First line.
        subtitle: Second line.
        href: Where a click leads.
        thumbnails: Digests of pictures to show.
        is_root: Whether it is what was asked for.
    """

    id: str
    kind: str
    title: str
    subtitle: str
    href: str
    thumbnails: tuple[str, ...] = ()
    is_root: bool = False


@dataclass(frozen=True, kw_only=True)
class Arrow:
    """A line from what went in to what came out, with as what it went in."""

    source: str
    target: str
    label: str


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """What is to be laid out."""

    vertices: Sequence[Vertex]
    arrows: Sequence[Arrow]


def folded(graph: LineageGraph) -> Drawing:
    """The graph with a vertex a run, and one a tag where there are more than a dozen pictures."""
    images = [node for node in graph.nodes if node.kind == NodeKind.IMAGE and node.id != graph.root]
    groups = _groups(graph, images) if len(images) > MAX_SINGLE_IMAGES else {}
    inside = {node_id: group for group, (_, members) in groups.items() for node_id in members}
    image_set = next((n.ref for n in graph.nodes if n.kind == NodeKind.IMAGE_SET), "")
    nodes = {node.id: node for node in graph.nodes}
    vertices = [_vertex(node, graph.root) for node in graph.nodes if node.id not in inside]
    vertices += [
        _group_vertex(group, tag, [nodes[member] for member in members], image_set)
        for group, (tag, members) in groups.items()
    ]
    vertices += [
        Vertex(
            id=f"run:{run.id}",
            kind="run",
            title=f"run {run.id}",
            subtitle=str(run.state),
            href=f"/runs/{run.id}",
        )
        for run in graph.runs
    ]
    arrows = [arrow for edge in graph.edges for arrow in _arrows(edge, inside)]
    return Drawing(vertices=vertices, arrows=list(dict.fromkeys(arrows)))


def page_of_node(kind: str, ref: str) -> str:
    """The address of the page of a node."""
    if kind == NodeKind.ARTIFACT:
        name, _, version = ref.rpartition("@")
        return f"/artifacts/{quote(name)}#v{version}"
    folder = {
        NodeKind.IMAGE: "images",
        NodeKind.IMAGE_SET: "image-sets",
        NodeKind.DATASET: "datasets",
        NodeKind.GRID: "grids",
        NodeKind.GENERATION: "generations",
    }
    return f"/{folder[NodeKind(kind)]}/{quote(ref, safe='@')}"


def _groups(
    graph: LineageGraph, images: Sequence[GraphNode]
) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Group id → tag path and members; pictures of one tag that went into the same datasets."""
    targets: dict[str, list[str]] = defaultdict(list)
    for edge in graph.edges:
        targets[edge.source].append(edge.target)
    members: dict[tuple[str, tuple[str, ...]], list[str]] = defaultdict(list)
    for image in images:
        tag = str(image.facts.get("tags", ""))
        members[tag, tuple(sorted(targets[image.id]))].append(image.id)
    return {
        f"images:{number}": (tag, tuple(ids))
        for number, ((tag, _), ids) in enumerate(sorted(members.items()))
    }


def _arrows(edge: GraphEdge, inside: dict[str, str]) -> list[Arrow]:
    source = inside.get(edge.source, edge.source)
    if edge.run is None:
        label = "" if source != edge.source else edge.slot.replace("_", " ")
        return [Arrow(source=source, target=edge.target, label=label)]
    run = f"run:{edge.run}"
    return [
        Arrow(source=source, target=run, label=edge.slot),
        Arrow(source=run, target=edge.target, label=""),
    ]


def _vertex(node: GraphNode, root: str) -> Vertex:
    is_image = node.kind == NodeKind.IMAGE
    path = str(node.facts.get("path", ""))
    most = _MAX_SIGNS_BESIDE_PICTURES if is_image else _MAX_SIGNS
    return Vertex(
        id=node.id,
        kind=str(node.kind),
        title=shortened(
            path.rpartition("/")[2] or node.ref[:12] if is_image else _name(node), most
        ),
        subtitle=shortened(_subtitle(node), most + 4),
        href=page_of_node(node.kind, node.ref),
        thumbnails=(node.ref,) if is_image else (),
        is_root=node.id == root,
    )


def _group_vertex(group: str, tag: str, members: Sequence[GraphNode], image_set: str) -> Vertex:
    spread = members[:: max(1, len(members) // _FAN)][:_FAN]
    return Vertex(
        id=group,
        kind="images",
        title=shortened(tag or "no tag", _MAX_SIGNS_BESIDE_PICTURES),
        subtitle=f"{len(members)} image{'s' if len(members) != 1 else ''}",
        href=f"/image-sets/{quote(image_set)}?tag={quote(tag, safe='')}",
        thumbnails=tuple(node.ref for node in spread),
    )


def _name(node: GraphNode) -> str:
    numbered = (NodeKind.GRID, NodeKind.GENERATION)
    return f"{node.kind} {node.ref}" if node.kind in numbered else node.ref


def _subtitle(node: GraphNode) -> str:
    facts: dict[str, Any] = node.facts
    match node.kind:
        case NodeKind.GENERATION:
            return f"{facts['pictures']} picture{'s' if facts['pictures'] != 1 else ''}"
        case NodeKind.ARTIFACT:
            if facts.get("epoch") is None or facts.get("loss") is None:
                return str(facts.get("artifact_kind", "artifact"))
            return f"epoch {facts['epoch']} · loss {facts['loss']:.4f}"
        case NodeKind.DATASET:
            return f"dataset · {facts.get('images', '?')} images"
        case NodeKind.IMAGE_SET:
            return "image set"
        case NodeKind.GRID:
            return f"of {facts.get('artifact', '')}"
        case NodeKind.IMAGE:
            return str(facts.get("tags", "")) or "image"


def shortened(text: str, most: int) -> str:
    """Text of at most so many signs: its middle is left out where it is long."""
    if len(text) <= most:
        return text
    kept = most - 1
    return f"{text[: kept - kept // 2]}…{text[-(kept // 2) :]}"
