"""Lineage: what something was made from, and what was made from it."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import PlainTextResponse

from sdxl_reg.catalog.ancestry import lineage_of
from sdxl_reg.catalog.lineage import Way
from sdxl_reg.catalog.lineage_document import graph_document
from sdxl_reg.catalog.lineage_drawings import Drawing, drawn
from sdxl_reg.web.dependencies import SessionOf
from sdxl_reg.web.schemas.lineage import LineageDocument

router = APIRouter(prefix="/lineage", tags=["lineage"])

_WAYS: dict[str, tuple[Way, ...]] = {"up": ("up",), "down": ("down",), "both": ("up", "down")}


DepthOf = Annotated[
    int | None, Query(ge=1, description="Greatest number of arrows from it; any by default.")
]
WayOf = Annotated[
    Literal["up", "down", "both"],
    Query(description="`up` to what it was made from, `down` to what was made from it."),
]


@router.get("/{ref}", summary="The lineage of anything, to any depth")
def lineage(
    session: SessionOf, ref: str, depth: DepthOf = None, way: WayOf = "both"
) -> LineageDocument:
    """Nodes, arrows from input to output, and runs; what `sdxl-reg lineage --json` prints.

    `ref` is an artifact (`weipin-lora@best`), `dataset:weipin@1`, `grid:2`, `image_set:weipin` or
    `image:` with a SHA-256 or at least its first 8 digits.
    """
    graph = lineage_of(session, ref, ways=_WAYS[way], depth=depth)
    return LineageDocument.model_validate(graph_document(graph))


@router.get(
    "/{ref}/drawing",
    summary="The lineage as text that draws it",
    response_class=PlainTextResponse,
    responses={200: {"content": {"text/plain": {}}, "description": "DOT or Mermaid."}},
)
def drawing(
    session: SessionOf,
    ref: str,
    form: Annotated[Drawing, Query(description="`dot` for Graphviz, `mermaid` for Markdown.")],
    depth: DepthOf = None,
    way: WayOf = "both",
) -> PlainTextResponse:
    """Pictures that go the same ways stand as one node with their number."""
    return PlainTextResponse(drawn(lineage_of(session, ref, ways=_WAYS[way], depth=depth), form))
