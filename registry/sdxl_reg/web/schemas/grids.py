"""Grids and their cells as documents."""

from datetime import datetime
from typing import Any

from pydantic import Field
from sqlalchemy.orm import Session

from sdxl_reg.catalog.artifacts import version_ref
from sdxl_reg.catalog.grid_cells import cells_of
from sdxl_reg.tables import Grid, GridCell
from sdxl_reg.web.schemas.base import Document, Sha256, url


class BestCell(Document):
    """What a grid picked."""

    ref: str = Field(description="The version: `weipin-lora@3`.")
    strength: float
    reason: str


class GridItem(Document):
    """A grid in a list."""

    id: int
    artifact: str
    run: int
    created_at: datetime
    best: BestCell | None
    sheet: str | None = Field(description="Where its sheet (PNG) is; null until it is drawn.")
    url: str


class ScoreItem(Document):
    """A number for a cell."""

    metric: str
    scorer: str = Field(description="The network, and what it compared with.")
    value: float


class CellItem(Document):
    """One place of a grid."""

    position: int = Field(description="From 0: by prompt, seed, version, strength.")
    key: Sha256 = Field(description="Hash of everything that determines the pixels.")
    version: str = Field(description="`weipin-lora@3`.")
    strength: float
    prompt: str
    seed: int
    sha256: Sha256 | None = Field(description="Of its PNG; null until it is drawn.")
    picture: str | None = Field(description="Where its PNG is; null until it is drawn.")
    scores: list[ScoreItem]


class GridDocument(GridItem):
    """One grid with all its cells."""

    spec: dict[str, Any] = Field(description="Base, versions, strengths, prompts, sampling.")
    cells: list[CellItem]
    lineage: str


def grid_item(grid: Grid) -> GridItem:
    """A grid for a list."""
    return GridItem(**_facts(grid))


def grid_document(session: Session, grid: Grid) -> GridDocument:
    """One grid with its cells and their scores."""
    return GridDocument(
        **_facts(grid),
        spec=grid.spec,
        cells=[cell_item(cell) for cell in cells_of(session, grid)],
        lineage=url("lineage", f"grid:{grid.id}"),
    )


def cell_item(cell: GridCell) -> CellItem:
    """One cell with its scores."""
    return CellItem(
        position=cell.position,
        key=cell.cell_key,
        version=version_ref(cell.version),
        strength=cell.strength,
        prompt=cell.prompt,
        seed=cell.seed,
        sha256=cell.blob.sha256 if cell.blob else None,
        picture=_picture(cell),
        scores=[
            ScoreItem(metric=score.metric, scorer=score.scorer, value=score.value)
            for score in cell.scores
        ],
    )


def _picture(cell: GridCell) -> str | None:
    return url("grids", cell.grid_id, "cells", cell.position, "picture") if cell.blob else None


def _facts(grid: Grid) -> dict[str, Any]:
    return {
        "id": grid.id,
        "artifact": grid.artifact.name,
        "run": grid.run_id,
        "created_at": grid.created_at,
        "best": _best(grid),
        "sheet": url("grids", grid.id, "sheet") if grid.sheet else None,
        "url": url("grids", grid.id),
    }


def _best(grid: Grid) -> BestCell | None:
    if grid.best_version is None or grid.best_strength is None:
        return None
    ref = version_ref(grid.best_version)
    return BestCell(ref=ref, strength=grid.best_strength, reason=grid.reason)
