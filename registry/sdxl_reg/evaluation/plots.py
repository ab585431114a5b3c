"""Scores of a grid as a plot: an SVG that stands alone, and that a page may take in.

Lines along an axis of numbers, dots along any other; colours that colour-blind people tell apart
(Okabe and Ito 2008), each line labelled at its end. Everything is an attribute, nothing a style
sheet, so that a page with a strict content policy can show it and its own rules can repaint it.
"""

import re
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from sdxl_reg.evaluation.plot_frame import (
    BOTTOM,
    HEIGHT,
    INK,
    LEFT,
    PAPER,
    RIGHT,
    SOFT,
    TOP,
    WIDTH,
    Frame,
    frame_of,
)
from sdxl_reg.evaluation.score_bands import Band, Curve, Curves, Point, curves_of
from sdxl_reg.evaluation.view import GridView
from sdxl_reg.evaluation.whole_files import whole_file

PALETTE = ("#0072b2", "#d55e00", "#009e73", "#b65c93", "#c98500", "#3a9bd0", "#7b6b5d", "#5b5fc7")
REST = "#9aa1a9"
"""The colour of curves beyond the palette."""

_ACCENT = "#d9480f"
_FEW = 3  # curves whose bands do not hide each other
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")  # XML has no way to write them
_LABEL_HEIGHT, _LABEL_LENGTH = 15, 18


def score_plot(view: GridView, *, metric: str = "", z: int = 0) -> str:
    """A metric along an axis, a curve for each value of the other; mean and band over the panels.

    Args:
        view: Whose scores.
        metric: Which; empty for the first.
        z: Index into the values of Z.

    Returns:
        An SVG document with title and description; empty when nothing is scored.

    Raises:
        UnknownName: The view has no such metric.
    """
    shown = view.metric(metric)
    if shown is None:
        return ""
    curves = curves_of(view, metric=shown, z=z)
    if not any(curve.points for curve in curves.curves):
        return ""
    frame = frame_of(curves)
    colours = _colours(curves)
    picked = _picked_curve(view, curves, z)
    body = [*_axes(curves, frame), *_curves(curves, frame, colours, picked)]
    body += [*_pick(view, curves, frame, z), *_labels(curves, frame, colours)]
    return _document(view, curves, z, body)


def save_plot(view: GridView, path: Path, *, metric: str = "", z: int = 0) -> Path:
    """Write a plot as an SVG file; it appears whole or not at all.

    Args:
        view: Whose scores.
        path: Of the file; its folder is made.
        metric: Which; empty for the first.
        z: Index into the values of Z.

    Raises:
        UnknownName: The view has no such metric.
    """
    text = score_plot(view, metric=metric, z=z)
    with whole_file(path) as partial:
        partial.write_text(text, "utf-8")
    return path


def _document(view: GridView, curves: Curves, z: int, body: Sequence[str]) -> str:
    page = "" if view.z is None else f", {view.z.label} {view.z.values[z]}"
    title = f"{curves.metric.name} against {curves.along.label}, by {curves.across.label}{page}"
    said = [_said(curve, curves) for curve in curves.curves if curve.points]
    summary = f"{curves.metric.summary}; {curves.band_summary}. {'. '.join(said)}."
    subtitle = f"{curves.metric.summary}; {curves.band_label}"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
        f'height="{HEIGHT}" role="img" font-family="system-ui, \'DejaVu Sans\', sans-serif" '
        'font-size="13">',
        f"<title>{_text(title)}</title>",
        f"<desc>{_text(summary)}</desc>",
        f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}" fill="{PAPER}"/>',
        _write(16, 24, title, fill=INK, size=15, name="ink"),
        _write(16, 43, _short(subtitle, 125), fill=SOFT, size=12),
    ]
    return "\n".join([*lines, *body, "</svg>"]) + "\n"


def _said(curve: Curve, curves: Curves) -> str:
    means = [point.mean for point in curve.points]
    best = curves.metric.best(means)
    if best is None:
        return f"{curve.name}: {min(means):.3f} to {max(means):.3f}"
    at = next(point.at for point in curve.points if point.mean == best)
    return f"{curve.name}: best {best:.3f} at {curves.along.values[at]}"


def _colours(curves: Curves) -> dict[int, str]:
    """Index of a curve → colour; where there are too many, the best ones have one."""
    ranked = [curve for curve in curves.curves if curve.points]
    means = {curve.index: [point.mean for point in curve.points] for curve in ranked}
    sign = 1 if curves.metric.best([0.0, 1.0]) == 0.0 else -1
    ranked.sort(key=lambda curve: sign * (curves.metric.best(means[curve.index]) or 0.0))
    best = sorted(curve.index for curve in ranked[: len(PALETTE)])
    return {index: PALETTE[number] for number, index in enumerate(best)}


def _axes(curves: Curves, frame: Frame) -> Iterator[str]:
    for at, label in frame.y_ticks:
        yield (
            f'<line class="rule" x1="{LEFT}" x2="{RIGHT}" y1="{at}" y2="{at}" stroke="#dfe3e8"/>'
        )
        yield _write(LEFT - 10, at + 4, label, fill=SOFT, anchor="end")
    for at, label in frame.x_ticks:
        yield f'<line x1="{at}" x2="{at}" y1="{BOTTOM}" y2="{BOTTOM + 5}" stroke="{SOFT}"/>'
        yield _write(at, BOTTOM + 21, _short(label, frame.label_room), fill=SOFT, anchor="middle")
    middle = (LEFT + RIGHT) / 2
    yield _write(middle, BOTTOM + 42, curves.along.label, fill=INK, anchor="middle", name="ink")


def _picked_curve(view: GridView, curves: Curves, z: int) -> int:
    """Index of the curve with the pick; -1 for none."""
    if view.pick is None or view.pick.z not in (None, z):
        return -1
    index = view.pick.x if curves.is_swapped else view.pick.y
    return -1 if index is None else index


def _curves(curves: Curves, frame: Frame, colours: dict[int, str], picked: int) -> Iterator[str]:
    """Grey ones lowest, the picked one on top."""
    drawn = [curve for curve in curves.curves if curve.points]
    drawn.sort(key=lambda curve: (curve.index == picked, curve.index in colours))
    for curve in drawn:
        colour = colours.get(curve.index, REST)
        name = f"c{PALETTE.index(colour)}" if colour in PALETTE else "rest"
        strong = curve.index == picked or len(colours) <= _FEW
        yield f'<g class="curve {name}" fill="{colour}" stroke="{colour}">'
        if curves.band is not Band.NONE and colour in PALETTE:
            yield from _band(curve, frame, opacity=0.16 if strong else 0.05)
        if frame.is_continuous:
            yield _line(curve, frame, width=2.2 if colour in PALETTE else 1.0)
        radius = 3.2 if colour in PALETTE else 1.6
        for point in curve.points:
            yield _dot(point, curve, curves, frame, radius=radius)
        yield "</g>"


def _band(curve: Curve, frame: Frame, *, opacity: float) -> Iterator[str]:
    """An area along a line; whiskers where no line can run."""
    places = [(frame.x(point.at, curve.index), point) for point in curve.points]
    if not frame.is_continuous:
        for x, point in places:
            low, high = frame.y(point.low), frame.y(point.high)
            yield f'<line x1="{x}" x2="{x}" y1="{low}" y2="{high}" stroke-width="2" opacity="0.5"/>'
        return
    upper = [f"{x},{frame.y(point.high)}" for x, point in places]
    lower = [f"{x},{frame.y(point.low)}" for x, point in reversed(places)]
    shape = " ".join([*upper, *lower])
    yield f'<polygon class="band" points="{shape}" stroke="none" opacity="{opacity}"/>'


def _line(curve: Curve, frame: Frame, *, width: float) -> str:
    places = [(frame.x(point.at, curve.index), frame.y(point.mean)) for point in curve.points]
    line = " ".join(f"{x},{y}" for x, y in places)
    return f'<polyline points="{line}" fill="none" stroke-width="{width}" stroke-linejoin="round"/>'


def _dot(point: Point, curve: Curve, curves: Curves, frame: Frame, *, radius: float) -> str:
    x, y = frame.x(point.at, curve.index), frame.y(point.mean)
    number = f"{point.mean:.3f}"
    if curves.band is not Band.NONE:
        number += f" ({point.low:.3f} to {point.high:.3f}), {point.count} pictures"
    said = f"{curve.name} at {curves.along.values[point.at]}: {number}"
    is_whole = point.count == curves.panel_count
    hollow = "" if is_whole else f' class="hollow" fill="{PAPER}" stroke-width="1.5"'
    return f'<circle cx="{x}" cy="{y}" r="{radius}"{hollow}><title>{_text(said)}</title></circle>'


def _pick(view: GridView, curves: Curves, frame: Frame, z: int) -> Iterator[str]:
    pick = view.pick
    if pick is None or pick.z not in (None, z):
        return
    at, index = (pick.y, pick.x) if curves.is_swapped else (pick.x, pick.y)
    if at is None or index is None:  # it is in all of them
        return
    for point in curves.curves[index].points:
        if point.at == at:
            x, y = frame.x(at, index), frame.y(point.mean)
            yield (
                f'<circle class="pick" cx="{x}" cy="{y}" r="8" fill="none" stroke="{_ACCENT}" '
                'stroke-width="2.5"/>'
            )
            yield _write(x, y - 14, "pick", fill=_ACCENT, anchor="middle", name="pick", bold=True)


def _labels(curves: Curves, frame: Frame, colours: dict[int, str]) -> Iterator[str]:
    """The name of each coloured curve beside its end, moved apart where they would overlap."""
    shown = [curve for curve in curves.curves if curve.index in colours]
    ends = [(frame.y(curve.points[-1].mean), curve) for curve in shown]
    ends.sort(key=lambda end: end[0])
    if not frame.is_continuous:
        ends = [(TOP + 20.0 + number * 20, curve) for number, curve in enumerate(shown)]
    for at, (_, curve) in zip(_apart([y for y, _ in ends]), ends, strict=True):
        colour = colours[curve.index]
        label = _short(curve.name, _LABEL_LENGTH)
        name = f"label c{PALETTE.index(colour)}"
        yield _write(RIGHT + 14, at + 4, label, fill=colour, name=name, bold=True)
    rest = sum(bool(curve.points) for curve in curves.curves) - len(shown)
    if rest:
        yield _write(RIGHT + 14, BOTTOM + 21, f"grey: {rest} others", fill=SOFT)


def _apart(places: Sequence[float]) -> list[float]:
    """Ascending places, moved as little as it takes to lie a label's height apart."""
    moved: list[float] = []
    for place in places:
        moved.append(max(place, moved[-1] + _LABEL_HEIGHT) if moved else max(place, TOP))
    excess = moved[-1] - BOTTOM if moved else 0.0
    for number in range(len(moved) - 1, -1, -1):
        most = BOTTOM if number == len(moved) - 1 else moved[number + 1] - _LABEL_HEIGHT
        moved[number] = min(moved[number], most) if excess > 0 else moved[number]
    return moved


def _write(
    x: float,
    y: float,
    text: str,
    *,
    fill: str,
    anchor: str = "start",
    size: int = 0,
    name: str = "soft",
    bold: bool = False,
) -> str:
    extra = (f' font-size="{size}"' if size else "") + (' font-weight="600"' if bold else "")
    return (
        f'<text class="{name}" x="{round(x, 1)}" y="{round(y, 1)}" text-anchor="{anchor}" '
        f'fill="{fill}"{extra}>{_text(text)}</text>'
    )


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: max(1, most - 1)].rstrip() + "…"


def _text(text: str) -> str:
    return escape(_CONTROL.sub("", text))
