"""Grids: all of them, one in the viewer, and one cell."""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from markupsafe import Markup

from sdxl_reg.catalog.grid_cells import find_cell
from sdxl_reg.catalog.grids import find_grid, grids_page
from sdxl_reg.catalog.list_filters import GRID_FIELDS
from sdxl_reg.catalog.runs import find_run
from sdxl_reg.catalog.votes import vote_count
from sdxl_reg.evaluation.plots import score_plot
from sdxl_reg.evaluation.sheet import count_sheets
from sdxl_reg.evaluation.view import Cell, CellState, GridView
from sdxl_reg.evaluation.viewer.page import json_text
from sdxl_reg.vocabulary import Role
from sdxl_reg.web.api.grids import MetricOf
from sdxl_reg.web.api.runs import notice_lost
from sdxl_reg.web.commands import callers_of, command_of
from sdxl_reg.web.dependencies import FilteredSliceOf, RegistryOf, SessionOf
from sdxl_reg.web.grid_views import view_in, viewer_document
from sdxl_reg.web.list_pages import filtered_page
from sdxl_reg.web.roles import may
from sdxl_reg.web.run_views import live_document, seconds_of
from sdxl_reg.web.schemas.base import Number
from sdxl_reg.web.schemas.grids import cell_item, grid_item, grid_items
from sdxl_reg.web.schemas.picks import pick_of
from sdxl_reg.web.templating import render
from sdxl_reg.web.working import WorkingOf

router = APIRouter(prefix="/grids", dependencies=[Depends(notice_lost)])


@router.get("")
def listed(request: Request, session: SessionOf, part: FilteredSliceOf) -> Response:
    """The grids, newest first, below the box that filters them."""
    page, box = filtered_page(session, part, grids_page, GRID_FIELDS)
    facts = {"grids": grid_items(session, page.items), "next": page.next, **box}
    return render(request, "grids.html", facts, status=box["status"])


@router.get("/{grid_id}")
def one(
    request: Request,
    session: SessionOf,
    registry: RegistryOf,
    working: WorkingOf,
    grid_id: Number,
    metric: MetricOf = "",
) -> Response:
    """A grid in the viewer, its pick, what failed, and what it can be saved as."""
    grid = find_grid(session, grid_id)
    run = live_document(session, grid.run_id, registry, working)
    state = run.state
    view = view_in(session, registry, grid)
    shown = view.metric(metric)
    counts = {state: sum(cell.state is state for cell in view.cells) for state in CellState}
    facts = {
        "grid": grid_item(grid, state),
        "run": run,
        "seconds": seconds_of(run),
        "may_work": may(Role.TRAINER, grid.artifact.project),
        "is_due": state.is_final and counts[CellState.DRAWN] < len(view.cells),
        "state": state,
        "is_live": not state.is_final,
        "pick": pick_of(grid),
        "view": view,
        "document": Markup(json_text(viewer_document(view))),  # noqa: S704 - it escapes < > &
        "drawn": counts[CellState.DRAWN],
        "failed": counts[CellState.FAILED],
        "failures": failures_of(view),
        "tables": plain_tables(view),
        "metric": shown,
        "plots": [
            Markup(score_plot(view, metric=shown.name, z=z))  # noqa: S704 - it escapes its texts
            for z in range(view.shape[2])
        ]
        if shown
        else [],
        "sheet_count": count_sheets(view),
        "has_parquet": find_spec("pyarrow") is not None,
        "votes": vote_count(session, grid_id),
    }
    return render(request, "grid.html", facts)


@router.get("/{grid_id}/cells/{position}")
def cell(request: Request, session: SessionOf, grid_id: Number, position: Number) -> Response:
    """One cell: its picture and everything that determined it."""
    grid = find_grid(session, grid_id)
    found = cell_item(find_cell(session, grid, position))
    facts = {
        "grid": grid_item(grid, find_run(session, grid.run_id).state),
        "cell": found,
        "command": command_of(found.request, callers_of(session, [found.request])),
    }
    return render(request, "cell.html", facts)


def failures_of(view: GridView) -> dict[str, list[Cell]]:
    """Why → the cells that could not be drawn because of it."""
    found: dict[str, list[Cell]] = {}
    for shown in view.cells:
        if shown.state is CellState.FAILED:
            found.setdefault(shown.reason, []).append(shown)
    return found


def plain_tables(view: GridView) -> list[dict[str, Any]]:
    """The pictures as tables for readers without JavaScript: one a panel and page."""
    columns, rows, pages, panels = view.shape
    return [
        {
            "title": _title(view, z, panel),
            "rows": [
                (view.y.values[y], _row(view, [(x, y, z, panel) for x in range(columns)]))
                for y in range(rows)
            ],
        }
        for panel in range(panels)
        for z in range(pages)
    ]


def _title(view: GridView, z: int, panel: int) -> str:
    page = f"{view.z.label} {view.z.values[z]} · " if view.z else ""
    return page + view.panels[panel].label


def _row(view: GridView, places: Sequence[tuple[int, int, int, int]]) -> list[Cell | None]:
    return [view.cell(place) for place in places]
