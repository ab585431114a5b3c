"""One picture: its facts, its captions, where it is used."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from sdxl_reg.catalog.ancestry import lineage_of
from sdxl_reg.catalog.images import find_image
from sdxl_reg.catalog.origins import origins_of
from sdxl_reg.vocabulary import NodeKind
from sdxl_reg.web.dependencies import SessionOf
from sdxl_reg.web.graph_folding import page_of_node
from sdxl_reg.web.schemas.images import image_document
from sdxl_reg.web.schemas.neighbours import neighbours_of
from sdxl_reg.web.templating import render

router = APIRouter(prefix="/images")

_MEASURES = ("sharpness", "brightness", "contrast")
# What browsers show by themselves; of other formats the page shows the large thumbnail.
_SHOWN = {"JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP", "AVIF"}


@router.get("/{sha256}")
def one(request: Request, session: SessionOf, sha256: str) -> Response:
    """A picture with everything known of it."""
    found = find_image(session, sha256)
    document = image_document(session, found)
    origin = origins_of(session, [found.id]).get(found.id)
    graph = lineage_of(session, f"image:{document.sha256}", ways=["down"])
    users = [node for node in graph.nodes if node.kind in (NodeKind.ARTIFACT, NodeKind.GRID)]
    facts = {
        "image": document,
        "origin": origin,
        "origin_href": page_of_node(origin.kind, str(origin.number)) if origin else "",
        "is_shown": document.format in _SHOWN,
        "measures": _MEASURES,
        "users": [
            {"kind": str(user.kind), "ref": user.ref, "href": page_of_node(user.kind, user.ref)}
            for user in users
        ],
    }
    return render(request, "image.html", facts)


@router.get("/{sha256}/neighbours")
def near(request: Request, session: SessionOf, sha256: str) -> Response:
    """The pictures nearest to one; it takes a moment among many."""
    found = find_image(session, sha256)
    facts = {"sha256": found.blob.sha256, "neighbours": neighbours_of(session, found)}
    return render(request, "neighbours.html", facts)
