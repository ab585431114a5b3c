"""Grids: all of them, one with its sheet and cells, and one cell."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from fastapi import APIRouter, Request
from fastapi.responses import Response

from sdxl_reg.catalog.grid_cells import find_cell
from sdxl_reg.catalog.grids import find_grid, grids_page
from sdxl_reg.catalog.runs import find_run
from sdxl_reg.web.dependencies import SessionOf, SliceOf
from sdxl_reg.web.schemas.grids import CellItem, GridDocument, cell_item, grid_document, grid_item
from sdxl_reg.web.templating import render

router = APIRouter(prefix="/grids")

_SHADES = 10


@dataclass(frozen=True, kw_only=True)
class Place:
    """A field of the table: one version at one strength.

    Attributes:
        score: Mean over its cells; none when nothing was scored.
        shade: 0 for the lowest score of the table … 10 for the highest; none without a score.
        is_best: Whether the grid picked it.
    """

    score: float | None
    shade: int | None
    is_best: bool


@dataclass(frozen=True, kw_only=True)
class Block:
    """The cells of one prompt and seed, a row a version, shaded among themselves."""

    prompt: str
    seed: int
    rows: Sequence[tuple[str, Sequence[tuple[CellItem, int | None]]]]


@router.get("")
def listed(request: Request, session: SessionOf, part: SliceOf) -> Response:
    """The grids, newest first."""
    page = grids_page(session, part)
    facts = {"grids": [grid_item(grid) for grid in page.items], "next": page.next}
    return render(request, "grids.html", facts)


@router.get("/{grid_id}")
def one(request: Request, session: SessionOf, grid_id: int) -> Response:
    """A grid: its pick, scores by version and strength, every cell, the sheet."""
    grid = grid_document(session, find_grid(session, grid_id))
    facts = {
        "grid": grid,
        "state": str(find_run(session, grid.run).state),
        "strengths": sorted({cell.strength for cell in grid.cells}),
        "table": score_table(grid),
        "blocks": blocks_of(grid),
        "drawn": sum(cell.picture is not None for cell in grid.cells),
    }
    return render(request, "grid.html", facts)


@router.get("/{grid_id}/cells/{position}")
def cell(request: Request, session: SessionOf, grid_id: int, position: int) -> Response:
    """One cell: its picture and everything that determined it."""
    grid = find_grid(session, grid_id)
    found = cell_item(find_cell(session, grid, position))
    facts = {"grid": grid_item(grid), "cell": found, "sampling": grid.spec.get("sampling", {})}
    return render(request, "cell.html", facts)


def score_table(grid: GridDocument) -> dict[str, dict[float, Place]]:
    """Version → strength → mean score, shaded from the lowest to the highest."""
    values: dict[tuple[str, float], list[float]] = defaultdict(list)
    for found in grid.cells:
        values[found.version, found.strength] += [score.value for score in found.scores[:1]]
    means = {place: fmean(scores) for place, scores in values.items() if scores}
    shade = _shading(means.values())
    table: dict[str, dict[float, Place]] = defaultdict(dict)
    for version, strength in values:
        score = means.get((version, strength))
        table[version][strength] = Place(
            score=score,
            shade=shade(score),
            is_best=grid.best is not None
            and (grid.best.ref, grid.best.strength) == (version, strength),
        )
    return table


def blocks_of(grid: GridDocument) -> list[Block]:
    """The cells by prompt and seed, then by version, in the order they were planned."""
    blocks: dict[tuple[str, int], dict[str, list[CellItem]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for found in grid.cells:
        blocks[found.prompt, found.seed][found.version].append(found)
    return [_block(prompt, seed, rows) for (prompt, seed), rows in blocks.items()]


def _block(prompt: str, seed: int, rows: Mapping[str, Sequence[CellItem]]) -> Block:
    cells = [found for row in rows.values() for found in row]
    shade = _shading([score.value for found in cells for score in found.scores[:1]])
    return Block(
        prompt=prompt,
        seed=seed,
        rows=[
            (
                version,
                [(cell, shade(cell.scores[0].value if cell.scores else None)) for cell in row],
            )
            for version, row in rows.items()
        ],
    )


def _shading(scores: Iterable[float]) -> Callable[[float | None], int | None]:
    """A function from a score to its shade: 0 for the lowest of them … 10 for the highest."""
    known = list(scores)
    low, high = min(known, default=0), max(known, default=0)

    def shade(score: float | None) -> int | None:
        return None if score is None else round(_SHADES * (score - low) / ((high - low) or 1))

    return shade
