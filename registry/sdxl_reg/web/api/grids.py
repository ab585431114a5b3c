"""Grids: versions by strengths, cell by cell."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from sdxl_reg.catalog.grid_cells import find_cell
from sdxl_reg.catalog.grids import find_grid, grids_page
from sdxl_reg.errors import NotFound
from sdxl_reg.web.dependencies import RegistryOf, SessionOf, SliceOf
from sdxl_reg.web.files import blob_response
from sdxl_reg.web.schemas.base import Items, items_of
from sdxl_reg.web.schemas.grids import GridDocument, GridItem, grid_document, grid_item

router = APIRouter(prefix="/grids", tags=["grids"])

_PNG = {"content": {"image/png": {}}, "description": "A PNG."}


@router.get("", summary="List the grids")
def listed(session: SessionOf, part: SliceOf) -> Items[GridItem]:
    """Every grid, newest first, with what it picked."""
    return items_of(grids_page(session, part), grid_item)


@router.get("/{grid_id}", summary="One grid with its cells and scores")
def one(session: SessionOf, grid_id: int) -> GridDocument:
    """A grid with every cell: version, strength, prompt, seed, picture and scores."""
    return grid_document(session, find_grid(session, grid_id))


@router.get(
    "/{grid_id}/sheet",
    summary="The sheet of a grid",
    response_class=Response,
    responses={200: _PNG},
)
def sheet(request: Request, session: SessionOf, registry: RegistryOf, grid_id: int) -> Response:
    """All cells on one labelled picture."""
    found = find_grid(session, grid_id).sheet
    if found is None:
        raise NotFound("sheet", f"of grid {grid_id}", remedy="The grid is not drawn to its end yet")
    return blob_response(request, registry.store, found.sha256)


@router.get(
    "/{grid_id}/cells/{position}/picture",
    summary="The picture of a cell",
    response_class=Response,
    responses={200: _PNG},
)
def picture(
    request: Request, session: SessionOf, registry: RegistryOf, grid_id: int, position: int
) -> Response:
    """One cell as it was drawn, its parameters inside as A1111 writes them."""
    cell = find_cell(session, find_grid(session, grid_id), position)
    if cell.blob is None:
        raise NotFound("picture", f"of cell {position}", remedy="It is not drawn yet")
    return blob_response(request, registry.store, cell.blob.sha256)
