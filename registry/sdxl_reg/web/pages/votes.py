"""Voting on a grid: pairs of pictures without their names, and the ranking they come to."""

from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import Response

from sdxl_reg.catalog.grids import find_grid
from sdxl_reg.catalog.votes import ranking_of
from sdxl_reg.web.api.votes import pair_of
from sdxl_reg.web.dependencies import SessionOf
from sdxl_reg.web.schemas.base import Number
from sdxl_reg.web.schemas.grids import grid_items
from sdxl_reg.web.schemas.picks import RankingDocument, RankingItem
from sdxl_reg.web.templating import render

router = APIRouter(prefix="/grids")

_WIDTH = 200  # pixels of the drawing of an interval


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A strength with its interval, as coordinates of a small drawing."""

    low: float
    at: float
    high: float
    middle: float


@router.get("/{grid_id}/vote")
def vote(request: Request, session: SessionOf, grid_id: Number) -> Response:
    """Two pictures of one prompt and seed; nothing on the page tells which is which."""
    find_grid(session, grid_id)
    return render(request, "vote.html", {"grid_id": grid_id, "pair": pair_of(session, grid_id)})


@router.get("/{grid_id}/vote/ranking")
def ranking(request: Request, session: SessionOf, grid_id: Number) -> Response:
    """The places as the votes rank them, and what the votes tell."""
    (grid,) = grid_items(session, [find_grid(session, grid_id)])
    found = RankingDocument.model_validate(ranking_of(session, grid_id))
    facts = {
        "grid": grid,
        "found": found,
        "rows": list(zip(found.ranking, intervals_of(found.ranking), strict=True)),
        "width": _WIDTH,
    }
    return render(request, "ranking.html", facts)


def intervals_of(items: list[RankingItem]) -> list[Interval]:
    """Intervals on one scale, so that they can be compared by looking."""
    low = min((item.low for item in items), default=0.0)
    span = max((item.high for item in items), default=0.0) - low or 1.0

    def x(value: float) -> float:
        return round(6 + (value - low) / span * (_WIDTH - 12), 1)

    return [
        Interval(low=x(item.low), at=x(item.strength), high=x(item.high), middle=x(0.0))
        for item in items
    ]
