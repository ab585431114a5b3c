"""Grids and their cells as documents."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import Field
from sqlalchemy.orm import Session

from sdxl_reg.catalog.artifacts import version_ref
from sdxl_reg.catalog.grid_cells import cells_of
from sdxl_reg.catalog.grid_view import counted_axes, state_of
from sdxl_reg.catalog.runs import find_run, states_of
from sdxl_reg.evaluation import axes
from sdxl_reg.evaluation.layout import Layout, read_layout
from sdxl_reg.evaluation.view import CellState
from sdxl_reg.tables import Grid, GridCell
from sdxl_reg.vocabulary import RunState
from sdxl_reg.web.schemas.base import Document, Sha256, url
from sdxl_reg.web.schemas.picks import BestCell, PickItem, best_of, pick_of


class GridItem(Document):
    """A grid in a list."""

    id: int
    artifact: str
    compares: str = Field(description="Its axes in words: `5 versions × 11 strengths`.")
    run: int
    state: RunState = Field(description="Of its run.")
    created_at: datetime
    best: BestCell | None
    sheet: str | None = Field(description="Where its sheet (PNG) is; null until it is drawn.")
    url: str


class AxisItem(Document):
    """One direction of a grid."""

    id: str = Field(description="`x`: columns, `y`: rows, `z`: pages.")
    field: str = Field(description="What varies: `strength`, `version`, `cfg`, …")
    values: list[str] = Field(description="As they are shown; a cell's x, y, z count them from 0.")
    notes: list[list[str]] = Field(description="Short lines for each value: epoch, loss.")


class PanelItem(Document):
    """A prompt and a seed: what every place of a grid is drawn for."""

    prompt: str
    seed: int


class ScoreItem(Document):
    """A number for a cell."""

    metric: str
    scorer: str = Field(description="The network, and what it compared with.")
    value: float


class CellItem(Document):
    """One picture of a grid, or the place where it is missing."""

    position: int = Field(description="From 0: by panel, page, row, column.")
    x: int
    y: int
    z: int
    panel: int
    key: Sha256 = Field(description="Hash of everything that determines the pixels.")
    state: CellState
    reason: str = Field(description="Why it could not be drawn; empty otherwise.")
    version: str = Field(description="The one that is compared: `weipin-lora@3`.")
    strength: float = Field(description="Of that version.")
    prompt: str
    seed: int
    request: dict[str, Any] = Field(
        description="What was asked for, by the names of a picture's fields; defaults are left out."
    )
    sha256: Sha256 | None = Field(description="Of its PNG; null until it is drawn.")
    picture: str | None = Field(description="Where its PNG is; null until it is drawn.")
    scores: list[ScoreItem]


class GridDocument(GridItem):
    """One grid with all its cells."""

    axes: list[AxisItem]
    panels: list[PanelItem]
    common: dict[str, Any] = Field(description="What all pictures share; defaults are left out.")
    versions: list[str] = Field(description="Those that are compared.")
    datasets: list[str] = Field(description="Where prompts and references come from.")
    pick: PickItem | None = Field(description="What was chosen and why; null before that.")
    cells: list[CellItem]
    lineage: str


class GridProgress(Document):
    """How far a grid is: small enough to be asked for every second."""

    state: RunState
    drawn: int
    failed: int
    total: int
    drawn_positions: list[int]
    failures: dict[int, str] = Field(description="Position → why it could not be drawn.")


def grid_item(grid: Grid, state: RunState) -> GridItem:
    """A grid for a list."""
    return GridItem(**_facts(grid, read_layout(grid.spec), state))


def grid_items(session: Session, grids: Sequence[Grid]) -> list[GridItem]:
    """Grids for a list, each with how its run stands."""
    states = states_of(session, [grid.run_id for grid in grids])
    return [grid_item(grid, states[grid.run_id]) for grid in grids]


def grid_document(session: Session, grid: Grid) -> GridDocument:
    """One grid with its cells and their scores."""
    layout = read_layout(grid.spec)
    return GridDocument(
        **_facts(grid, layout, find_run(session, grid.run_id).state),
        axes=axis_items(layout),
        panels=[PanelItem(prompt=panel.prompt, seed=panel.seed) for panel in layout.panels],
        common=grid.spec["common"],
        versions=grid.spec["versions"],
        datasets=grid.spec["datasets"],
        pick=pick_of(grid),
        cells=[cell_item(cell) for cell in cells_of(session, grid)],
        lineage=url("lineage", f"grid:{grid.id}"),
    )


def axis_items(layout: Layout) -> list[AxisItem]:
    """The axes of a layout, columns first."""
    named: Mapping[str, axes.Axis | None] = {"x": layout.x, "y": layout.y, "z": layout.z}
    return [
        AxisItem(
            id=name,
            field=axis.field,
            values=[value.label for value in axis.values],
            notes=[list(value.notes) for value in axis.values],
        )
        for name, axis in named.items()
        if axis is not None
    ]


def cell_item(cell: GridCell) -> CellItem:
    """One cell with its scores."""
    return CellItem(
        position=cell.position,
        x=cell.x,
        y=cell.y,
        z=cell.z,
        panel=cell.panel,
        key=cell.cell_key,
        state=state_of(cell),
        reason=cell.reason,
        version=version_ref(cell.version),
        strength=cell.strength,
        prompt=cell.prompt,
        seed=cell.seed,
        request=cell.picture,
        sha256=cell.blob.sha256 if cell.blob else None,
        picture=_picture(cell),
        scores=[
            ScoreItem(metric=score.metric, scorer=score.scorer, value=score.value)
            for score in cell.scores
        ],
    )


def progress_of(state: RunState, cells: Sequence[tuple[int, bool, str]]) -> GridProgress:
    """How far a grid is.

    Args:
        state: Of its run.
        cells: Position, whether it is drawn, why it is not.
    """
    failures = {position: reason for position, is_drawn, reason in cells if reason and not is_drawn}
    counts = Counter(is_drawn for _, is_drawn, _ in cells)
    return GridProgress(
        state=state,
        drawn=counts[True],
        failed=len(failures),
        total=len(cells),
        drawn_positions=[position for position, is_drawn, _ in cells if is_drawn],
        failures=failures,
    )


def _picture(cell: GridCell) -> str | None:
    return url("grids", cell.grid_id, "cells", cell.position, "picture") if cell.blob else None


def _facts(grid: Grid, layout: Layout, state: RunState) -> dict[str, Any]:
    return {
        "id": grid.id,
        "artifact": grid.artifact.name,
        "compares": counted_axes(layout),
        "run": grid.run_id,
        "state": state,
        "created_at": grid.created_at,
        "best": best_of(grid),
        "sheet": url("grids", grid.id, "sheet") if grid.sheet else None,
        "url": url("grids", grid.id),
    }
