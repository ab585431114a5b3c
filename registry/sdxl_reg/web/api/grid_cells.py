"""The cells of a grid: what each asks for, its scores, its picture."""

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from sdxl_reg.catalog.grid_cells import cells_page, find_cell
from sdxl_reg.catalog.grids import find_grid
from sdxl_reg.errors import NotFound
from sdxl_reg.imaging.thumbnails import SIDES
from sdxl_reg.web.dependencies import FilteredSliceOf, RegistryOf, SessionOf
from sdxl_reg.web.files import PNG, REVALIDATED, blob_response
from sdxl_reg.web.schemas.base import Items, Number, items_of
from sdxl_reg.web.schemas.grids import CellItem, cell_item
from sdxl_reg.web.thumbnails import thumbnail

router = APIRouter(prefix="/grids/{grid_id}/cells", tags=["grids"])


@router.get("", summary="The cells of a grid")
def listed(session: SessionOf, grid_id: Number, part: FilteredSliceOf) -> Items[CellItem]:
    """In their order: by panel, page, row, column.

    `filter` knows prompt, version, strength, seed, state (drawn, failed, missing) and score:
    `version:>=3 AND score:fidelity>0.4`.
    """
    return items_of(cells_page(session, find_grid(session, grid_id), part), cell_item)


@router.get("/{position}", summary="One cell with its scores")
def one(session: SessionOf, grid_id: Number, position: Number) -> CellItem:
    """Its place, what was asked for, its picture and its scores."""
    return cell_item(find_cell(session, find_grid(session, grid_id), position))


@router.get(
    "/{position}/picture",
    summary="The picture of a cell",
    response_class=Response,
    responses={200: PNG},
)
def picture(
    request: Request, session: SessionOf, registry: RegistryOf, grid_id: Number, position: Number
) -> Response:
    """One cell as it was drawn, its parameters inside as A1111 writes them."""
    digest = _digest(session, grid_id, position)
    return blob_response(request, registry.store, digest, caching=REVALIDATED)


@router.get(
    "/{position}/thumbnail",
    summary="A small picture of a cell",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}, "description": "JPEG."}},
)
def small(
    request: Request, session: SessionOf, registry: RegistryOf, grid_id: Number, position: Number
) -> Response:
    """A cell of at most 512 pixels a side."""
    digest = _digest(session, grid_id, position)
    headers = {"ETag": f'"{digest}-{SIDES[-1]}"', "Cache-Control": REVALIDATED}
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    data = thumbnail(registry.settings, registry.store, digest, side=SIDES[-1])
    return Response(data, media_type="image/jpeg", headers=headers)


def _digest(session: Session, grid_id: int, position: int) -> str:
    cell = find_cell(session, find_grid(session, grid_id), position)
    if cell.blob is None:
        raise NotFound("picture", f"of cell {position}", remedy="It is not drawn yet")
    return cell.blob.sha256
