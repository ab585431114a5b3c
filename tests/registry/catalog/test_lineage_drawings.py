"""Lineage in the languages that draw graphs."""

import re

import pytest
from sqlalchemy import Engine

from sdxl_reg.catalog.ancestry import LineageGraph, lineage_of
from sdxl_reg.catalog.lineage_drawings import Drawing, drawn
from sdxl_reg.catalog.lineage_nodes import GraphEdge, GraphNode
from sdxl_reg.store.database import reading
from sdxl_reg.vocabulary import NodeKind


def _graph(name: str) -> LineageGraph:
    nodes = [
        GraphNode(id="dataset:d@1", kind=NodeKind.DATASET, ref=name),
        *(GraphNode(id=f"image:{n}", kind=NodeKind.IMAGE, ref=f"sha{n}") for n in range(3)),
        GraphNode(id="image:other", kind=NodeKind.IMAGE, ref="sha-other"),
    ]
    edges = [
        GraphEdge(source=f"image:{n}", target="dataset:d@1", run=None, slot="image")
        for n in range(3)
    ]
    edges.append(GraphEdge(source="image:other", target="dataset:d@1", run=7, slot="synthetic"))
    return LineageGraph(root="dataset:d@1", nodes=nodes, edges=edges, runs=[])


def test_dot_has_every_node_and_edge_and_pictures_together() -> None:
    assert drawn(_graph("d@1"), Drawing.DOT) == (
        "digraph lineage {\n"
        "  rankdir=LR;\n"
        "  node [fontname=sans, fontsize=10];\n"
        "  edge [fontname=sans, fontsize=9];\n"
        '  n0 [shape=cylinder, label="d@1\\ndataset", penwidth=2];\n'
        '  n1 [shape=note, label="3 images"];\n'
        '  n2 [shape=note, label="sha-other"];\n'
        '  n1 -> n0 [label="image"];\n'
        '  n2 -> n0 [label="synthetic, run 7"];\n'
        "}\n"
    )


def test_mermaid_has_them_too() -> None:
    assert drawn(_graph("d@1"), Drawing.MERMAID) == (
        "flowchart LR\n"
        '  n0[("d@1<br>dataset")]\n'
        '  n1(["3 images"])\n'
        '  n2(["sha-other"])\n'
        '  n1 -->|"image"| n0\n'
        '  n2 -->|"synthetic, run 7"| n0\n'
        "  style n0 stroke-width:3px\n"
    )


def test_a_name_cannot_leave_its_quotes() -> None:
    name = 'a"]; b -> c \\ <script> #quot; 秋之衣'
    dot, mermaid = (drawn(_graph(name), form) for form in Drawing)
    assert 'label="a\\"]; b -> c \\\\ <script> #quot; 秋之衣\\ndataset"' in dot
    shown = re.findall(r'n0\[\("(.*)"\)\]', mermaid)
    assert shown == ["a&quot;]; b -&gt; c \\ &lt;script&gt; #35;quot; 秋之衣<br>dataset"]


@pytest.mark.parametrize("form", Drawing)
def test_a_trained_version_is_drawn_with_all_behind_it(form: Drawing, trained: Engine) -> None:
    with reading(trained) as session:
        graph = lineage_of(session, "x-lora@2")
        text = drawn(graph, form)
    assert "x-lora@2" in text
    assert "shop@1" in text
    assert "4 images" in text
    assert re.search(r"dataset, run \d", text)
    arrow = "->" if form is Drawing.DOT else "-->"
    assert text.count(arrow) < len(graph.edges)
