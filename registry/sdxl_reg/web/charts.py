"""Curves of numbers over steps, as the coordinates of a small SVG."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, isfinite, log10
from statistics import fmean

WIDTH, HEIGHT = 640, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 12, 26
_MAX_POINTS = 400
_SMOOTHED_FROM = 40
_NOISY_FROM = 4  # times up and down its own range

Point = tuple[int, float]


@dataclass(frozen=True, kw_only=True)
class Tick:
    """A mark on an axis.

    Attributes:
        at: Coordinate in the drawing.
        label: The number there.
    """

    at: float
    label: str


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A curve, ready to be drawn.

    Attributes:
        name: What is shown.
        line: Points of the measured curve, as SVG writes them.
        smooth: Points of the smoothed curve; empty where the curve is short or smooth itself.
        marks: Coordinates and labels of single points, where there are few.
        x_ticks: Marks of the steps.
        y_ticks: Marks of the values.
        summary: The curve in words, for those who do not see it.
    """

    name: str
    line: str
    smooth: str
    marks: Sequence[tuple[float, float, str]]
    x_ticks: Sequence[Tick]
    y_ticks: Sequence[Tick]
    summary: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    bottom: int = HEIGHT - _BOTTOM


def chart_of(name: str, points: Sequence[Point]) -> Chart | None:
    """A chart of numbers over steps; none without a finite number.

    Args:
        name: What they are.
        points: Step and value, in order.
    """
    finite = [(step, value) for step, value in points if isfinite(value)]
    if not finite:
        return None
    shown = thinned(finite, _MAX_POINTS)
    x_ticks = _ticks(shown[0][0], shown[-1][0], whole=True)
    y_ticks = _ticks(min(value for _, value in shown), max(value for _, value in shown))
    x = _Scale(x_ticks, shown[0][0], shown[-1][0], _LEFT, WIDTH - _RIGHT)
    y = _Scale(y_ticks, y_ticks[0], y_ticks[-1], HEIGHT - _BOTTOM, _TOP)
    return Chart(
        name=name,
        line=_polyline(shown, x, y),
        smooth=_polyline(smoothed(shown), x, y) if is_noisy(shown) else "",
        marks=[(x.at(s), y.at(v), f"{v:.4g} at {s}") for s, v in shown] if len(shown) <= 30 else [],
        x_ticks=x.ticks(),
        y_ticks=y.ticks(),
        summary=(
            f"{name}: {len(points)} values from step {finite[0][0]} to {finite[-1][0]}, "
            f"{finite[0][1]:.4g} at first, {finite[-1][1]:.4g} at last"
        ),
    )


def thinned(points: Sequence[Point], count: int) -> list[Point]:
    """At most so many points: neighbours become their mean at the last one's step."""
    if len(points) <= count:
        return list(points)
    size = -(-len(points) // count)
    groups = [points[start : start + size] for start in range(0, len(points), size)]
    return [(group[-1][0], fmean(value for _, value in group)) for group in groups]


def smoothed(points: Sequence[Point], *, weight: float = 0.9) -> list[Point]:
    """The exponential moving average, without its usual pull towards zero at the beginning.

    Source: Kingma and Ba, Adam (2014), section 3: the correction of the first moment.
    """
    mean, result = 0.0, []
    for number, (step, value) in enumerate(points, start=1):
        mean = weight * mean + (1 - weight) * value
        result.append((step, mean / (1 - weight**number)))
    return result


def is_noisy(points: Sequence[Point]) -> bool:
    """Whether a curve is long and goes up and down so much that its course is hard to see."""
    values = [value for _, value in points]
    way = sum(abs(other - one) for one, other in itertools.pairwise(values))
    return len(values) >= _SMOOTHED_FROM and way > _NOISY_FROM * (max(values) - min(values))


class _Scale:
    """From numbers to coordinates along one axis."""

    def __init__(
        self, ticks: Sequence[float], low: float, high: float, start: float, end: float
    ) -> None:
        self.marked = [tick for tick in ticks if low <= tick <= high] or [low]
        self.low, self.span = low, (high - low) or 1.0
        self.start, self.length = start, end - start

    def at(self, value: float) -> float:
        return round(self.start + (value - self.low) / self.span * self.length, 1)

    def ticks(self) -> list[Tick]:
        return [Tick(at=self.at(value), label=f"{value:.6g}") for value in self.marked]


def _polyline(points: Sequence[Point], x: _Scale, y: _Scale) -> str:
    return " ".join(f"{x.at(step)},{y.at(value)}" for step, value in points)


def _ticks(low: float, high: float, *, whole: bool = False) -> list[float]:
    """Round numbers from below the lowest to above the highest, about five of them."""
    if high <= low:
        low, high = low - (abs(low) * 0.1 or 1), high + (abs(high) * 0.1 or 1)
    raw = (high - low) / 4
    size = 10.0 ** floor(log10(raw))
    step = next(size * times for times in (1, 2, 2.5, 5, 10) if size * times >= raw)
    step = max(1.0, round(step)) if whole else step
    first, last = floor(low / step), -floor(-high / step)
    return [number * step for number in range(first, last + 1)]
