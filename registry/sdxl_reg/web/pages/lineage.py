"""The lineage of anything, as a picture with links."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from sdxl_reg.catalog.ancestry import lineage_of
from sdxl_reg.vocabulary import NodeKind
from sdxl_reg.web.dependencies import SessionOf
from sdxl_reg.web.graph_folding import folded, page_of_node
from sdxl_reg.web.graph_layout import laid_out
from sdxl_reg.web.templating import render

router = APIRouter(prefix="/lineage")


@router.get("/{ref}")
def lineage(
    request: Request,
    session: SessionOf,
    ref: str,
    depth: Annotated[int | None, Query(ge=1)] = None,
) -> Response:
    """What something was made from, to the left, and what was made from it, to the right."""
    graph = lineage_of(session, ref, depth=depth)
    root = graph.nodes[0]
    facts = {
        "ref": ref,
        "root": root,
        "href": page_of_node(root.kind, root.ref),
        "layout": laid_out(folded(graph)),
        "depth": depth,
        "images": sum(node.kind == NodeKind.IMAGE for node in graph.nodes),
        "nodes": [
            (node, page_of_node(node.kind, node.ref))
            for node in graph.nodes
            if node.kind != NodeKind.IMAGE
        ],
        "runs": graph.runs,
        "cuts": graph.cuts,
    }
    return render(request, "lineage.html", facts)
