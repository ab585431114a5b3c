"""How often values occur, as the bars of a small SVG."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import log10

from sdxl_reg.web.charts import Tick

WIDTH, HEIGHT = 300, 124
_LEFT, _RIGHT, _TOP, _BOTTOM = 12, 12, 14, 24
_BINS = 28


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One bar.

    Attributes:
        x: Its left edge in the drawing.
        y: Its top.
        width: As drawn.
        height: As drawn.
        label: Values and count in words.
        is_beyond: Whether it lies on the bad side of a threshold.
    """

    x: float
    y: float
    width: float
    height: float
    label: str
    is_beyond: bool


@dataclass(frozen=True, kw_only=True)
class Histogram:
    """Bars, ready to be drawn.

    Attributes:
        name: What is shown.
        bars: From left to right, empty ones left out.
        x_ticks: Marks of the values.
        marks: Coordinates of thresholds, with their words.
        summary: The histogram in words, for those who do not see it.
    """

    name: str
    bars: Sequence[Bar]
    x_ticks: Sequence[Tick]
    marks: Sequence[Tick]
    summary: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    top: int = _TOP
    bottom: int = HEIGHT - _BOTTOM


def histogram(
    name: str,
    counts: Mapping[int, int],
    *,
    below: float | None = None,
    above: float | None = None,
    scale: Callable[[float], float] = float,
    most: float = 0.0,
) -> Histogram | None:
    """A histogram; none without a value.

    Args:
        name: What the values are.
        counts: Value, ≥ 0 → how often it occurs.
        below: What is smaller is marked.
        above: What is larger is marked.
        scale: From a value to its place: `float`, or `logarithmic` for values of many sizes.
        most: The axis reaches to here at least.
    """
    if not counts:
        return None
    thresholds = [edge for edge in (below, above) if edge is not None]
    end = max(max(counts) + 1, most, *thresholds, 1)
    edges = [_unscaled(scale, scale(end) * at / _BINS) for at in range(_BINS + 1)]
    heights = _binned(counts, scale, scale(end))
    tallest = max(heights) or 1
    x = _places(scale, end)
    bars = [
        _bar(x, edges[at : at + 2], count, tallest=tallest, below=below, above=above)
        for at, count in enumerate(heights)
        if count
    ]
    return Histogram(
        name=name,
        bars=bars,
        x_ticks=[Tick(at=x(value), label=f"{value:g}") for value in _round_values(scale, end)],
        marks=[Tick(at=x(edge), label=f"{edge:g}") for edge in thresholds],
        summary=_summary(name, counts),
    )


def logarithmic(value: float) -> float:
    """The place of a value where ten times as much is one step further; 0 stays 0."""
    return log10(1 + value)


def _unscaled(scale: Callable[[float], float], place: float) -> float:
    return 10**place - 1 if scale is logarithmic else place


def _binned(counts: Mapping[int, int], scale: Callable[[float], float], end: float) -> list[int]:
    heights = [0] * _BINS
    for value, count in counts.items():
        heights[min(_BINS - 1, int(scale(max(value, 0)) / end * _BINS))] += count
    return heights


def _places(scale: Callable[[float], float], end: float) -> Callable[[float], float]:
    def place(value: float) -> float:
        return round(_LEFT + scale(value) / scale(end) * (WIDTH - _LEFT - _RIGHT), 1)

    return place


def _bar(
    x: Callable[[float], float],
    edges: Sequence[float],
    count: int,
    *,
    tallest: int,
    below: float | None,
    above: float | None,
) -> Bar:
    first, last = edges
    room = HEIGHT - _BOTTOM - _TOP
    height = max(1.5, round(count / tallest * room, 1))
    is_beyond = (below is not None and last <= below * 1.001) or (
        above is not None and first >= above * 0.999
    )
    return Bar(
        x=x(first) + 0.5,
        y=round(HEIGHT - _BOTTOM - height, 1),
        width=round(max(1.0, x(last) - x(first) - 1), 1),
        height=height,
        label=f"{first:.3g} to {last:.3g}: {count:,}",
        is_beyond=is_beyond,
    )


def _round_values(scale: Callable[[float], float], end: float) -> list[float]:
    if scale is logarithmic:
        return [0, *(float(10**power) for power in range(1, 7) if 10**power < end)]
    step = 10 ** int(log10(end))
    step = next(size for size in (step / 5, step / 2, step, 2 * step) if end / size <= 6)
    return [step * number for number in range(int(end / step) + 1)]


def _summary(name: str, counts: Mapping[int, int]) -> str:
    total = sum(counts.values())
    reached, middle = 0, 0
    for value, count in sorted(counts.items()):
        reached += count
        middle = value
        if reached * 2 >= total:
            break
    return (
        f"{name} of {total:,} pictures: from {min(counts):,} to {max(counts):,}, "
        f"half of them up to {middle:,}"
    )
