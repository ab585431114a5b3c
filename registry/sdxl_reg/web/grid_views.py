"""A grid as its page shows it: the view out of its rows, and the document of the viewer."""

from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from sdxl_reg.catalog.datasets import find_dataset_version
from sdxl_reg.catalog.grid_requests import references_of
from sdxl_reg.catalog.grid_view import view_of
from sdxl_reg.errors import NotFound
from sdxl_reg.evaluation.view import Cell, GridView
from sdxl_reg.evaluation.viewer.document import view_document
from sdxl_reg.imaging.thumbnails import SIDES
from sdxl_reg.tables import Grid
from sdxl_reg.web.dependencies import Registry
from sdxl_reg.web.schemas.base import url


def view_in(session: Session, registry: Registry, grid: Grid) -> GridView:
    """A grid as people look at it.

    Args:
        session: The transaction.
        registry: Whose store holds the pictures.
        grid: Drawn or not.
    """
    seen = [ref for ref in grid.spec["datasets"] if _is_seen(session, ref)]
    references = references_of(session, registry.store, seen)
    return view_of(session, registry.store, grid, references)


def viewer_document(view: GridView) -> dict[str, Any]:
    """What the viewer's script is given: pictures by their addresses in the API.

    Args:
        view: From `view_in`.
    """

    def picture(cell: Cell) -> str:
        return url("grids", view.number, "cells", cell.position, "picture")

    def preview(cell: Cell) -> str:
        return url("grids", view.number, "cells", cell.position, "thumbnail")

    is_large = max(view.size) > SIDES[-1]
    return view_document(
        view, picture, preview_url=preview if is_large else None, reference_url=_thumbnail
    )


def _thumbnail(path: Path) -> str:
    digest = path.parent.name + path.name  # as the store lays them out
    return url("images", digest, "thumbnail")


def _is_seen(session: Session, dataset: str) -> bool:
    """Whether a grid's references are of a project that whoever asks may read."""
    try:
        find_dataset_version(session, dataset)
    except NotFound:
        return False
    return True
