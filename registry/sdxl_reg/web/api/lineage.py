"""Lineage: what something was made from, and what was made from it."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import PlainTextResponse

from sdxl_reg.catalog.ancestry import NEIGHBOURS, lineage_of
from sdxl_reg.catalog.lineage import Way
from sdxl_reg.catalog.lineage_document import graph_document
from sdxl_reg.catalog.lineage_drawings import Drawing, drawn
from sdxl_reg.catalog.lineage_neighbours import neighbours_of
from sdxl_reg.catalog.openlineage import NAMESPACE, as_lines, openlineage_events
from sdxl_reg.catalog.paging import MAX_LIMIT
from sdxl_reg.web.dependencies import SessionOf, SliceOf
from sdxl_reg.web.schemas.lineage import (
    LineageDocument,
    NeighboursDocument,
    neighbours_document,
)

router = APIRouter(prefix="/lineage", tags=["lineage"])

_JSON_LINES = "application/x-ndjson"
_WAYS: dict[str, tuple[Way, ...]] = {"up": ("up",), "down": ("down",), "both": ("up", "down")}


DepthOf = Annotated[
    int | None, Query(ge=1, description="Greatest number of arrows from it; any by default.")
]
LimitOf = Annotated[
    int,
    Query(ge=1, le=MAX_LIMIT, description="Of each node at most so many neighbours each way."),
]
DirectionOf = Annotated[
    Literal["up", "down", "both"],
    Query(description="`up` to what it was made from, `down` to what was made from it."),
]
OldWayOf = Annotated[
    Literal["up", "down", "both"] | None,
    Query(deprecated=True, description="What `direction` was called; it goes before."),
]


@router.get("/{ref}", summary="The lineage of anything, to any depth")
def lineage(
    session: SessionOf,
    ref: str,
    depth: DepthOf = None,
    direction: DirectionOf = "both",
    limit: LimitOf = NEIGHBOURS,
    way: OldWayOf = None,
) -> LineageDocument:
    """Nodes, arrows from input to output, and runs; what `sdxl-reg lineage --json` prints.

    `ref` is an artifact (`weipin-lora@best`), `dataset:weipin@1`, `grid:2`, `image_set:weipin` or
    `image:` with a SHA-256 or at least its first 8 digits. A node with more neighbours than `limit`
    stands in `truncated` with their number and a cursor for `neighbours`.
    """
    ways = _WAYS[way or direction]
    graph = lineage_of(session, ref, ways=ways, depth=depth, limit=limit)
    return LineageDocument.model_validate(graph_document(graph))


@router.get("/{ref}/neighbours", summary="What stands directly above or below something, in pages")
def neighbours(
    session: SessionOf,
    ref: str,
    part: SliceOf,
    direction: Annotated[Way, Query(description="`up`: made from; `down`: made from it.")] = "down",
) -> NeighboursDocument:
    """All neighbours of one node, by age, with the arrows to them and the runs on these.

    Above a dataset these are its image set, what drew pictures of it, and its pictures. `cursor`
    is `next` of the page before, or that of the node in `truncated`.
    """
    return neighbours_document(neighbours_of(session, ref, direction, part))


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
    direction: DirectionOf = "both",
    limit: LimitOf = NEIGHBOURS,
    way: OldWayOf = None,
) -> PlainTextResponse:
    """Pictures that go the same ways stand as one node with their number."""
    ways = _WAYS[way or direction]
    return PlainTextResponse(
        drawn(lineage_of(session, ref, ways=ways, depth=depth, limit=limit), form)
    )


@router.get(
    "/{ref}/openlineage",
    summary="The runs of a lineage as OpenLineage events",
    response_class=PlainTextResponse,
    responses={200: {"content": {_JSON_LINES: {}}, "description": "A run event on each line."}},
)
def openlineage(
    session: SessionOf,
    ref: str,
    depth: DepthOf = None,
    direction: DirectionOf = "up",
    limit: LimitOf = NEIGHBOURS,
    namespace: Annotated[
        str,
        Query(min_length=1, max_length=200, description="Of jobs and datasets in these events."),
    ] = NAMESPACE,
) -> PlainTextResponse:
    """START, and COMPLETE, FAIL or ABORT of each run, with what it took and gave, in order.

    A run has the same `runId` each time. Datasets, artifacts, grids and generations are datasets
    there; the digest of a version is its `datasetVersion`. Settings and errors are left out.
    """
    graph = lineage_of(session, ref, ways=_WAYS[direction], depth=depth, limit=limit)
    events = openlineage_events(session, graph, namespace=namespace)
    return PlainTextResponse("".join(as_lines(events)), media_type=_JSON_LINES)
