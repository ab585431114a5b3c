"""A lineage graph as the JSON document that the command line and the API both give."""

from typing import Any

from sdxl_reg.catalog.ancestry import LineageGraph
from sdxl_reg.catalog.lineage_nodes import GraphEdge, GraphNode
from sdxl_reg.tables import Run


def graph_document(graph: LineageGraph) -> dict[str, Any]:
    """The graph as JSON: nodes, edges from input to output, the runs on them, what is left out."""
    return {
        "root": graph.root,
        "nodes": [node_document(node) for node in graph.nodes],
        "edges": [edge_document(edge) for edge in graph.edges],
        "runs": [run_facts(run) for run in graph.runs],
        "truncated": [
            {
                "node": cut.node,
                "direction": cut.way,
                "shown": cut.shown,
                "total": cut.total,
                "next": cut.next,
            }
            for cut in graph.cuts
        ],
    }


def node_document(node: GraphNode) -> dict[str, Any]:
    """A node as JSON; what is known of it stands beside its names."""
    return {"id": node.id, "kind": str(node.kind), "ref": node.ref, **node.facts}


def edge_document(edge: GraphEdge) -> dict[str, Any]:
    """An arrow as JSON."""
    return {"from": edge.source, "to": edge.target, "run": edge.run, "slot": edge.slot}


def run_facts(run: Run) -> dict[str, Any]:
    """A run on some arrow as JSON."""
    return {"id": run.id, "title": run.title, "state": str(run.state), "spec": run.spec}
