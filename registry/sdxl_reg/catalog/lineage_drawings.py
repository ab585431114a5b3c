"""A lineage graph in the languages that draw graphs: DOT for Graphviz, Mermaid for Markdown pages.

Pictures that go the same ways stand as one node with their number: a dataset has thousands.

Source: the DOT language, graphviz.org/doc/info/lang.html; Mermaid's flowcharts,
mermaid.js.org/syntax/flowchart.html.
"""

import html
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from sdxl_reg.catalog.ancestry import LineageGraph
from sdxl_reg.catalog.lineage_nodes import GraphEdge, GraphNode
from sdxl_reg.vocabulary import NodeKind


class Drawing(StrEnum):
    """A language that draws graphs."""

    DOT = "dot"
    MERMAID = "mermaid"


_DOT_SHAPES = {
    NodeKind.IMAGE: "note",
    NodeKind.IMAGE_SET: "folder",
    NodeKind.DATASET: "cylinder",
    NodeKind.ARTIFACT: "box",
    NodeKind.GRID: "tab",
    NodeKind.GENERATION: "tab",
}
_MERMAID_SHAPES = {
    NodeKind.IMAGE: ("([", "])"),
    NodeKind.IMAGE_SET: ("[[", "]]"),
    NodeKind.DATASET: ("[(", ")]"),
    NodeKind.ARTIFACT: ("[", "]"),
    NodeKind.GRID: ("{{", "}}"),
    NodeKind.GENERATION: ("{{", "}}"),
}


def drawn(graph: LineageGraph, form: Drawing) -> str:
    """A lineage graph as text of such a language, ending with a line break.

    Args:
        graph: The graph.
        form: The language.
    """
    folded = _folded(graph)
    return (_as_dot if form is Drawing.DOT else _as_mermaid)(folded)


@dataclass(frozen=True, kw_only=True)
class _Folded:
    """A graph in which like pictures are one node.

    Attributes:
        root: Key of the node that was asked for.
        nodes: Key → kind, and what it is called.
        edges: Source, target and label, each once.
    """

    root: str
    nodes: dict[str, tuple[NodeKind, str]]
    edges: list[tuple[str, str, str]]


def _folded(graph: LineageGraph) -> _Folded:
    ways: dict[str, set[tuple[str, str, str]]] = defaultdict(set)
    for edge in graph.edges:
        ways[edge.source].add(("to", edge.target, _label(edge)))
        ways[edge.target].add(("from", edge.source, _label(edge)))
    groups: dict[object, list[GraphNode]] = defaultdict(list)
    for node in graph.nodes:
        alone = node.kind is not NodeKind.IMAGE or node.id == graph.root
        groups[node.id if alone else frozenset(ways[node.id])].append(node)
    keys: dict[str, str] = {}
    nodes: dict[str, tuple[NodeKind, str]] = {}
    for number, group in enumerate(groups.values()):
        first = group[0]
        name = first.ref if len(group) == 1 else f"{len(group):,} images"
        nodes[f"n{number}"] = first.kind, name
        keys |= {node.id: f"n{number}" for node in group}
    edges = {(keys[e.source], keys[e.target], _label(e)): None for e in graph.edges}
    return _Folded(root=keys[graph.root], nodes=nodes, edges=list(edges))


def _label(edge: GraphEdge) -> str:
    return edge.slot if edge.run is None else f"{edge.slot}, run {edge.run}"


def _as_dot(graph: _Folded) -> str:
    return "\n".join(("digraph lineage {", *_dot_lines(graph), "}", ""))


def _dot_lines(graph: _Folded) -> Iterator[str]:
    yield "  rankdir=LR;"
    yield "  node [fontname=sans, fontsize=10];"
    yield "  edge [fontname=sans, fontsize=9];"
    for key, (kind, name) in graph.nodes.items():
        bold = ", penwidth=2" if key == graph.root else ""
        label = _quoted(name) if kind is NodeKind.IMAGE else _quoted(f"{name}\n{kind}")
        yield f"  {key} [shape={_DOT_SHAPES[kind]}, label={label}{bold}];"
    for source, target, label in graph.edges:
        yield f"  {source} -> {target} [label={_quoted(label)}];"


def _quoted(text: str) -> str:
    r"""A string of DOT: backslashes and quotes escaped, line breaks as `\n`."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _as_mermaid(graph: _Folded) -> str:
    return "\n".join(("flowchart LR", *_mermaid_lines(graph), ""))


def _mermaid_lines(graph: _Folded) -> Iterator[str]:
    for key, (kind, name) in graph.nodes.items():
        opening, closing = _MERMAID_SHAPES[kind]
        label = name if kind is NodeKind.IMAGE else f"{name}\n{kind}"
        yield f'  {key}{opening}"{_entities(label)}"{closing}'
    for source, target, label in graph.edges:
        yield f'  {source} -->|"{_entities(label)}"| {target}'
    yield f"  style {graph.root} stroke-width:3px"


def _entities(text: str) -> str:
    """Text inside Mermaid's quotes: HTML's entities, and `#`, which begins its own, as one."""
    escaped = html.escape(text.replace("#", "\0")).replace("\0", "#35;")
    return escaped.replace("\n", "<br>")
