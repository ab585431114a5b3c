"""A lineage graph as the JSON document that the command line and the API both give."""

from typing import Any

from sdxl_reg.catalog.ancestry import LineageGraph


def graph_document(graph: LineageGraph) -> dict[str, Any]:
    """The graph as JSON: nodes, edges from input to output, and the runs on them."""
    return {
        "root": graph.root,
        "nodes": [
            {"id": node.id, "kind": str(node.kind), "ref": node.ref, **node.facts}
            for node in graph.nodes
        ],
        "edges": [
            {"from": edge.source, "to": edge.target, "run": edge.run, "slot": edge.slot}
            for edge in graph.edges
        ],
        "runs": [
            {"id": run.id, "title": run.title, "state": str(run.state), "spec": run.spec}
            for run in graph.runs
        ],
    }
