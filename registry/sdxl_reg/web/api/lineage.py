"""Lineage: what something was made from, and what was made from it."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from sdxl_reg.catalog.ancestry import lineage_of
from sdxl_reg.catalog.lineage import Way
from sdxl_reg.catalog.lineage_document import graph_document
from sdxl_reg.web.dependencies import SessionOf
from sdxl_reg.web.schemas.lineage import LineageDocument

router = APIRouter(prefix="/lineage", tags=["lineage"])

_WAYS: dict[str, tuple[Way, ...]] = {"up": ("up",), "down": ("down",), "both": ("up", "down")}


@router.get("/{ref}", summary="The lineage of anything, to any depth")
def lineage(
    session: SessionOf,
    ref: str,
    depth: Annotated[
        int | None, Query(ge=1, description="Greatest number of arrows from it; any by default.")
    ] = None,
    way: Annotated[
        Literal["up", "down", "both"],
        Query(description="`up` to what it was made from, `down` to what was made from it."),
    ] = "both",
) -> LineageDocument:
    """Nodes, arrows from input to output, and runs; what `sdxl-reg lineage --json` prints.

    `ref` is an artifact (`weipin-lora@best`), `dataset:weipin@1`, `grid:2`, `image_set:weipin` or
    `image:` with a SHA-256 or at least its first 8 digits.
    """
    graph = lineage_of(session, ref, ways=_WAYS[way], depth=depth)
    return LineageDocument.model_validate(graph_document(graph))
