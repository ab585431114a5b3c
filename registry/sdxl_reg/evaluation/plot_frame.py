"""The frame of a plot: where the numbers of its axes lie, with round numbers along them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import floor, log10

from sdxl_reg.evaluation.score_bands import Curves

WIDTH, HEIGHT = 860, 420
LEFT, RIGHT, TOP, BOTTOM = 72, 690, 74, 350
PAPER, INK, SOFT = "#ffffff", "#1c2024", "#5d6066"

Tick = tuple[float, str]
"""A coordinate and the label there."""


@dataclass(frozen=True, kw_only=True)
class Frame:
    """From places and scores to coordinates.

    Attributes:
        x: From the index of a value and that of a curve to a coordinate.
        y: From a score to a coordinate.
        x_ticks: Along the axis.
        y_ticks: Of the scores.
        is_continuous: Whether lines may run along the axis.
        label_room: Characters a label below the axis may have.
    """

    x: Callable[[int, int], float]
    y: Callable[[float], float]
    x_ticks: Sequence[Tick]
    y_ticks: Sequence[Tick]
    is_continuous: bool
    label_room: int


def frame_of(curves: Curves) -> Frame:
    """The frame that holds all points and bands of some curves; at least one point.

    Args:
        curves: What is drawn.
    """
    points = [point for curve in curves.curves for point in curve.points]
    ticks = round_numbers(min(point.low for point in points), max(point.high for point in points))
    y = scale(ticks[0], ticks[-1], BOTTOM, TOP)
    numbers = curves.along.numbers
    x = _between(curves) if numbers is None or len(numbers) < 2 else _along(numbers)
    values = curves.along.values
    middle = len(curves.curves) // 2 if numbers is None or len(numbers) < 2 else 0
    room = max(3, int((RIGHT - LEFT) / max(1, min(len(values), 14)) / 8))
    every = -(-len(values) // 14)
    return Frame(
        x=x,
        y=y,
        x_ticks=[(x(at, middle), values[at]) for at in range(0, len(values), every)],
        y_ticks=[(y(tick), f"{tick:.6g}") for tick in ticks],
        is_continuous=numbers is not None and len(numbers) > 1,
        label_room=room,
    )


def scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    """From numbers between `low` and `high` to coordinates between `start` and `end`.

    Args:
        low: The number at `start`.
        high: The number at `end`.
        start: A coordinate.
        end: A coordinate.
    """
    span = (high - low) or 1.0
    return lambda value: round(start + (value - low) / span * (end - start), 1)


def round_numbers(low: float, high: float) -> list[float]:
    """Round numbers from below the lowest to above the highest, about five of them.

    Args:
        low: The lowest.
        high: The highest.
    """
    if high <= low:
        low, high = low - (abs(low) * 0.1 or 1), high + (abs(high) * 0.1 or 1)
    raw = (high - low) / 4
    size = 10.0 ** floor(log10(raw))
    step = next(size * times for times in (1, 2, 2.5, 5, 10) if size * times >= raw * (1 - 1e-9))
    first, last = floor(low / step + 1e-9), -floor(-high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def _along(numbers: Sequence[float]) -> Callable[[int, int], float]:
    place = scale(min(numbers), max(numbers), LEFT + 12, RIGHT - 12)
    return lambda at, _: place(numbers[at])


def _between(curves: Curves) -> Callable[[int, int], float]:
    """Each value has a strip of the axis, in which the curves stand side by side."""
    strip = (RIGHT - LEFT) / len(curves.along.values)
    count = len(curves.curves)
    step = min(14.0, 0.7 * strip / count)
    return lambda at, curve: round(LEFT + strip * (at + 0.5) + step * (curve - (count - 1) / 2), 1)
