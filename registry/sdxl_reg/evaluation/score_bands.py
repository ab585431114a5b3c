"""Scores of a grid as curves: the mean over the panels at each place, and how far to trust it.

All places are drawn from the same prompts and seeds, so that a panel which is easy lifts every
place alike. That says nothing about which place is better, and is taken out of the standard error.

Source: Cousineau, Confidence intervals in within-subject designs (2005); Morey (2008), for the
factor that keeps the error from coming out too small.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import sqrt
from statistics import fmean, stdev

from sdxl_reg.evaluation.bootstrap import FEWEST
from sdxl_reg.evaluation.view import Axis, GridView, Metric


class Band(StrEnum):
    """What the band around a curve shows."""

    NONE = "none"
    RANGE = "range"
    STANDARD_ERROR = "standard error"


@dataclass(frozen=True, kw_only=True)
class Point:
    """One place of a curve.

    Attributes:
        at: Index into the values of the axis.
        mean: Over the panels.
        low: Lower end of the band; the mean itself where there is none.
        high: Upper end.
        count: Pictures behind it.
    """

    at: int
    mean: float
    low: float
    high: float
    count: int


@dataclass(frozen=True, kw_only=True)
class Curve:
    """The scores along an axis for one value of the other.

    Attributes:
        name: That value.
        index: Its index.
        points: In the order of the axis, where there are scores.
    """

    name: str
    index: int
    points: Sequence[Point]


@dataclass(frozen=True, kw_only=True)
class Curves:
    """All curves of a page.

    Attributes:
        metric: What is shown.
        along: The axis they run along.
        across: The axis that tells one from the other.
        curves: One a value of `across`.
        band: What the bands show.
        panel_count: How many pictures a point rests on when none is missing.
        is_swapped: Whether they run along Y.
    """

    metric: Metric
    along: Axis
    across: Axis
    curves: Sequence[Curve]
    band: Band
    panel_count: int
    is_swapped: bool

    @property
    def band_label(self) -> str:
        """What the bands show, in a few words."""
        return {
            Band.NONE: "one picture a point",
            Band.RANGE: f"band: range of the {self.panel_count} pictures",
            Band.STANDARD_ERROR: f"band: one standard error, {self.panel_count} pictures",
        }[self.band]

    @property
    def band_summary(self) -> str:
        """What the bands show, in words."""
        return {
            Band.NONE: "one picture a point",
            Band.RANGE: f"bands span the {self.panel_count} pictures of a point",
            Band.STANDARD_ERROR: (
                f"bands are one standard error of the mean over {self.panel_count} pictures, "
                "without what a prompt or seed does to all points alike"
            ),
        }[self.band]


def curves_of(view: GridView, *, metric: Metric, z: int = 0) -> Curves:
    """The scores of a page as curves: along X, or along Y where only Y is made of numbers.

    Args:
        view: Whose cells.
        metric: One of its metrics.
        z: Index into the values of Z.
    """
    is_swapped = view.x.numbers is None and view.y.numbers is not None
    along, across = (view.y, view.x) if is_swapped else (view.x, view.y)
    values: dict[tuple[int, int], dict[int, float]] = {}
    for cell in view.cells:
        if cell.z == z and metric.name in cell.scores:
            place = (cell.y, cell.x) if is_swapped else (cell.x, cell.y)
            values.setdefault(place, {})[cell.panel] = cell.scores[metric.name]
    band = _band_of(len(view.panels))
    points = {place: _point(place[0], values, place, band) for place in values}
    return Curves(
        metric=metric,
        along=along,
        across=across,
        curves=[
            Curve(name=name, index=index, points=_along(along, index, points))
            for index, name in enumerate(across.values)
        ],
        band=band,
        panel_count=len(view.panels),
        is_swapped=is_swapped,
    )


def _band_of(panels: int) -> Band:
    if panels >= FEWEST:
        return Band.STANDARD_ERROR
    return Band.RANGE if panels > 1 else Band.NONE


def _along(axis: Axis, index: int, points: Mapping[tuple[int, int], Point]) -> list[Point]:
    order: Iterable[int] = range(len(axis.values))
    if axis.numbers is not None:
        order = sorted(order, key=axis.numbers.__getitem__)
    return [points[at, index] for at in order if (at, index) in points]


def _point(
    at: int,
    values: Mapping[tuple[int, int], Mapping[int, float]],
    place: tuple[int, int],
    band: Band,
) -> Point:
    scores = list(values[place].values())
    mean = fmean(scores)
    low = high = mean
    if band is Band.RANGE:
        low, high = min(scores), max(scores)
    elif band is Band.STANDARD_ERROR and len(scores) >= FEWEST:
        error = within_error(values, place)
        low, high = mean - error, mean + error
    return Point(at=at, mean=mean, low=low, high=high, count=len(scores))


def within_error(
    values: Mapping[tuple[int, int], Mapping[int, float]], place: tuple[int, int]
) -> float:
    """Standard error of a place's mean, each panel's own level taken out.

    Args:
        values: Place → panel → score.
        place: With at least two scores.
    """
    levels = _levels(values)
    rest = [score - levels[panel] for panel, score in values[place].items()]
    count = len(values)
    correction = sqrt(count / (count - 1)) if count > 1 else 1.0
    return correction * stdev(rest) / sqrt(len(rest))


def _levels(values: Mapping[tuple[int, int], Mapping[int, float]]) -> Mapping[int, float]:
    """Panel → its mean over all places; nothing is taken out where there is one place only."""
    by_panel: dict[int, list[float]] = {}
    for scores in values.values():
        for panel, score in scores.items():
            by_panel.setdefault(panel, []).append(score)
    return {panel: fmean(scores) if len(values) > 1 else 0.0 for panel, scores in by_panel.items()}
