"""Grids: versions by strengths or anything else, cell by cell, and what they are written as."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from sdxl_reg.catalog.grid_cells import states_in
from sdxl_reg.catalog.grids import find_grid, grids_page
from sdxl_reg.catalog.runs import find_run, states_of
from sdxl_reg.errors import NotFound
from sdxl_reg.store.database import reading
from sdxl_reg.tables import Grid
from sdxl_reg.vocabulary import Role
from sdxl_reg.web.api.runs import notice_lost
from sdxl_reg.web.dependencies import FilteredSliceOf, RegistryOf, SessionOf
from sdxl_reg.web.files import PNG, REVALIDATED, blob_response
from sdxl_reg.web.grid_exports import DOCUMENTED, Kind, export_response
from sdxl_reg.web.grid_views import view_in
from sdxl_reg.web.roles import needs, of_grid
from sdxl_reg.web.schemas.base import Items, Number, items_of, url
from sdxl_reg.web.schemas.grid_requests import (
    GridBegun,
    GridBody,
    grid_begun,
    grid_request,
)
from sdxl_reg.web.schemas.grids import (
    GridDocument,
    GridItem,
    GridProgress,
    grid_document,
    grid_item,
    progress_of,
)
from sdxl_reg.web.working import WorkingOf

router = APIRouter(prefix="/grids", tags=["grids"], dependencies=[Depends(notice_lost)])

MetricOf = Annotated[
    str, Query(description="Shown on sheets and plots: `kid`; the fidelity by default.")
]
PageOf = Annotated[int, Query(ge=1, description="Of a sheet with several, or of a plot's pages.")]


@router.get("", summary="List the grids")
def listed(session: SessionOf, part: FilteredSliceOf) -> Items[GridItem]:
    """Every grid, newest first, with how it stands and what it picked.

    `filter` knows artifact, state, version and strength (of the pick), project and created:
    `weipin* AND state:succeeded`.
    """
    page = grids_page(session, part)
    states = states_of(session, [grid.run_id for grid in page.items])

    def item(grid: Grid) -> GridItem:
        return grid_item(grid, states[grid.run_id])

    return items_of(page, item)


@router.post(
    "",
    summary="Compare versions of an artifact",
    status_code=HTTPStatus.ACCEPTED,
    dependencies=[needs(Role.TRAINER)],
)
def begin(
    response: Response, registry: RegistryOf, working: WorkingOf, body: GridBody
) -> GridBegun:
    """Answers at once with what the grid comes to and its `Location`; cells come one by one.

    Every version is drawn at every strength from the same noise and scored; then the best is picked
    and `best` points at it, as `sdxl-reg grid` does. What was drawn before is not drawn again, and
    the very same grid, begun before and not completed, is gone on with. It takes a trainer of the
    project of the artifact. One run is carried out at a time; the next ones wait.
    """
    with reading(registry.engine) as session:
        request = grid_request(session, body)
    planned = working.compare(request)
    response.headers["Location"] = url("grids", planned.grid_id)
    with reading(registry.engine) as session:
        return grid_begun(planned, find_run(session, planned.run_id).state)


@router.get("/{grid_id}", summary="One grid with its cells and scores")
def one(session: SessionOf, grid_id: Number) -> GridDocument:
    """Axes, panels and every cell: its place, state, request, picture and scores; and the pick."""
    return grid_document(session, find_grid(session, grid_id))


@router.get("/{grid_id}/progress", summary="How far a grid is")
def progress(session: SessionOf, grid_id: Number) -> GridProgress:
    """Which cells are drawn and which failed; small, to be asked while the grid is being drawn."""
    grid = find_grid(session, grid_id)
    return progress_of(find_run(session, grid.run_id).state, states_in(session, grid))


@router.post(
    "/{grid_id}/resume",
    summary="Go on with a grid",
    status_code=HTTPStatus.ACCEPTED,
    dependencies=[needs(Role.TRAINER, of_grid)],
)
def resume(
    response: Response, registry: RegistryOf, working: WorkingOf, grid_id: Number
) -> GridProgress:
    """Draws what a grid lacks, what failed included, and picks again; send `{}`."""
    with reading(registry.engine) as session:
        run_id = find_grid(session, grid_id).run_id
    working.resume(run_id)
    response.headers["Location"] = url("grids", grid_id)
    with reading(registry.engine) as session:
        return progress(session, grid_id)


@router.get(
    "/{grid_id}/export/{kind}",
    summary="A grid as a file",
    response_class=Response,
    responses={
        200: {"content": DOCUMENTED, "description": "A file."},
    },
)
def export(
    session: SessionOf,
    registry: RegistryOf,
    grid_id: Number,
    kind: Kind,
    metric: MetricOf = "",
    page: PageOf = 1,
) -> Response:
    """What `sdxl-reg grid export` writes: a page, a plot, a table or a sheet.

    `html` opens from disk, its pictures inside; `svg` is a plot of a score; `csv`, `json` and
    `parquet` have a row a cell; `png` and `webp` are the sheet.
    """
    view = view_in(session, registry, find_grid(session, grid_id))
    return export_response(view, kind, metric=metric, page=page)


@router.get(
    "/{grid_id}/sheet",
    summary="The sheet of a grid",
    response_class=Response,
    responses={200: PNG},
)
def sheet(request: Request, session: SessionOf, registry: RegistryOf, grid_id: Number) -> Response:
    """All cells on one labelled picture."""
    found = find_grid(session, grid_id).sheet
    if found is None:
        raise NotFound("sheet", f"of grid {grid_id}", remedy="The grid is not drawn to its end yet")
    return blob_response(request, registry.store, found.sha256, caching=REVALIDATED)
