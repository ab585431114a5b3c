"""Blind votes on the cells of a grid: which two to show next, what was said, who is ahead."""

from collections.abc import Iterator
from dataclasses import asdict
from random import Random
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.audit import note
from sdxl_reg.catalog.grid_cells import unscored_cells_of
from sdxl_reg.catalog.grid_results import GridPlace, places_of
from sdxl_reg.catalog.grids import find_grid
from sdxl_reg.errors import Conflict, InvalidValue
from sdxl_reg.evaluation.pairing import next_pair
from sdxl_reg.evaluation.places import Draw
from sdxl_reg.evaluation.votes import Vote, rank, statement
from sdxl_reg.tables import Grid, GridCell
from sdxl_reg.tables import Vote as VoteRow
from sdxl_reg.vocabulary import Outcome


def next_vote(
    session: Session, grid_id: int, *, seed: int | None = None
) -> tuple[GridCell, GridCell]:
    """The two cells that a voter is shown next, left and right by chance.

    Args:
        session: The transaction.
        grid_id: The grid.
        seed: Decides between equals, and the sides; None: by chance.

    Raises:
        NotFound: There is no such grid.
        Conflict: It has no two drawn places to compare.
    """
    grid = find_grid(session, grid_id)
    cells = _drawn(session, grid)
    candidates: dict[str, list[Draw]] = {}
    for name, draw in cells:
        candidates.setdefault(name, []).append(draw)
    pair = next_pair(candidates, _votes(session, grid), Random(seed))
    if pair is None:
        raise Conflict(
            f"grid {grid_id} has no two places to compare",
            remedy="Draw one with several versions or strengths",
        )
    return cells[pair.left, pair.draw], cells[pair.right, pair.draw]


def record_vote(session: Session, grid_id: int, *, left: int, right: int, outcome: str) -> None:
    """Keep what a voter said of two cells.

    Args:
        session: The transaction.
        grid_id: The grid.
        left: Position of the cell on the left.
        right: Position of the other one.
        outcome: `left`, `right` or `tie`.

    Raises:
        NotFound: There is no such grid.
        InvalidValue: The outcome is none of these, or the cells do not show the same draw.
    """
    grid = find_grid(session, grid_id)
    if outcome not in list(Outcome):
        raise InvalidValue("not what a vote says", outcome, remedy="Say left, right or tie")
    known = {cell.position: draw for (_, draw), cell in _drawn(session, grid).items()}
    if left == right or left not in known or known[left] != known.get(right):
        raise InvalidValue(
            "not two drawn cells of one prompt and seed",
            f"{left} and {right}",
            remedy="Vote on the pair that was shown",
        )
    session.add(VoteRow(grid_id=grid.id, left=left, right=right, outcome=Outcome(outcome)))
    note(session, "grid.voted", f"grid {grid.id}", left=left, right=right, outcome=outcome)
    session.flush()


def vote_count(session: Session, grid_id: int) -> int:
    """How many votes were given on a grid."""
    query = select(func.count()).select_from(VoteRow).where(VoteRow.grid_id == grid_id)
    return session.scalar(query) or 0


def ranking_of(session: Session, grid_id: int) -> dict[str, Any]:
    """The places of a grid as the votes rank them, as JSON, with a sentence on what they tell.

    Raises:
        NotFound: There is no such grid.
    """
    grid = find_grid(session, grid_id)
    names = {name: None for name, _ in _drawn(session, grid)}
    votes = list(_votes(session, grid))
    rankings = rank(list(names), votes)
    return {
        "grid": grid.id,
        "votes": len(votes),
        "ranking": [asdict(found) for found in rankings],
        "verdict": statement(rankings),
    }


def _drawn(session: Session, grid: Grid) -> dict[tuple[str, Draw], GridCell]:
    """Name of a place and a draw → its cell; the base stands once."""
    cells = unscored_cells_of(session, grid)
    labels: dict[GridPlace, str] = {
        where: "the base" if place.is_base else place.label
        for where, place in places_of(grid, cells, scores_of=lambda cell: {}).items()
    }
    found: dict[tuple[str, Draw], GridCell] = {}
    for cell in cells:
        label = labels.get((cell.x, cell.y, cell.z))
        if cell.blob_id is not None and label is not None:
            found.setdefault((label, (cell.prompt, cell.seed)), cell)
    return found


def _votes(session: Session, grid: Grid) -> Iterator[Vote]:
    names = {cell.position: key for key, cell in _drawn(session, grid).items()}
    rows = select(VoteRow).where(VoteRow.grid_id == grid.id).order_by(VoteRow.id)
    for row in session.scalars(rows):
        if row.left in names and row.right in names:
            (left, draw), (right, _) = names[row.left], names[row.right]
            yield Vote(left=left, right=right, draw=draw, outcome=row.outcome)
