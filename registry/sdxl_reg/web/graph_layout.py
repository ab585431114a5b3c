"""Laying a graph out in columns: every arrow leads to the right, and few of them cross.

Source: Sugiyama, Tagawa, Toda, Methods for visual understanding of hierarchical system structures
(1981): layers by longest path, places for arrows that pass a layer, order by barycentre.
"""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from sdxl_reg.web.graph_folding import Arrow, Drawing, Vertex

_GAP_X, _GAP_Y, _MARGIN = 56, 14, 14
_WIDTH = {"run": 84, "images": 248, "image_set": 248, "image": 206}
_HEIGHT = {"run": 44, "images": 56, "image": 56}
_DEFAULT_WIDTH, _DEFAULT_HEIGHT, _LANE_HEIGHT = 180, 54, 10
_SWEEPS = 6


@dataclass(frozen=True, kw_only=True)
class Box:
    """A vertex and where it stands; the corner is its upper left one."""

    vertex: Vertex
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, kw_only=True)
class Line:
    """An arrow as an SVG path, and where its label stands."""

    path: str
    label: str
    label_x: float
    label_y: float


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A drawing with coordinates, in pixels."""

    boxes: Sequence[Box]
    lines: Sequence[Line]
    width: float
    height: float


def laid_out(drawing: Drawing) -> Layout:
    """Coordinates for everything of a drawing without cycles."""
    vertices = {vertex.id: vertex for vertex in drawing.vertices}
    columns = columns_of(list(vertices), drawing.arrows)
    ways = {arrow: _lanes(arrow, columns) for arrow in drawing.arrows}
    layers = _ordered(columns, ways)
    places = _placed(layers, vertices)
    boxes = [places[vertex_id] for vertex_id in vertices]
    labelled = {(arrow.source, arrow.label): arrow for arrow in drawing.arrows}
    return Layout(
        boxes=[_box(vertices[place.id], place) for place in boxes],
        lines=[
            _line(arrow, way, places, label=arrow.label if arrow in labelled.values() else "")
            for arrow, way in ways.items()
        ],
        width=max((place.x + place.width for place in boxes), default=0) + _MARGIN,
        height=max((place.y + place.height for place in places.values()), default=0) + _MARGIN,
    )


def columns_of(ids: Sequence[str], arrows: Iterable[Arrow]) -> dict[str, int]:
    """Column of each vertex: past all it comes from; one that comes from nothing stands near."""
    parents: dict[str, set[str]] = defaultdict(set)
    children: dict[str, set[str]] = defaultdict(set)
    for arrow in arrows:
        parents[arrow.target].add(arrow.source)
        children[arrow.source].add(arrow.target)
    columns: dict[str, int] = {}

    def column(vertex: str) -> int:
        if vertex not in columns:
            columns[vertex] = 1 + max((column(parent) for parent in parents[vertex]), default=-1)
        return columns[vertex]

    for vertex in ids:
        column(vertex)
    for vertex in ids:
        if not parents[vertex] and children[vertex]:
            columns[vertex] = min(columns[child] for child in children[vertex]) - 1
    return {vertex: columns[vertex] for vertex in ids}  # in a settled order


@dataclass(frozen=True, kw_only=True)
class _Place:
    id: str
    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


def _lanes(arrow: Arrow, columns: Mapping[str, int]) -> list[str]:
    """The vertex, a lane in every column between, the other vertex."""
    between = range(columns[arrow.source] + 1, columns[arrow.target])
    # One lane a target and column: arrows from one vertex to several targets part late.
    lanes = [f"lane:{arrow.source}>{arrow.target}:{column}" for column in between]
    return [arrow.source, *lanes, arrow.target]


def _ordered(columns: Mapping[str, int], ways: Mapping[Arrow, Sequence[str]]) -> list[list[str]]:
    """The vertices and lanes of each column, from top to bottom."""
    layers: list[list[str]] = [[] for _ in range(max(columns.values(), default=-1) + 1)]
    for vertex, column in columns.items():
        layers[column].append(vertex)
    before: dict[str, list[str]] = defaultdict(list)
    after: dict[str, list[str]] = defaultdict(list)
    for way in ways.values():
        start = columns[way[0]]
        for offset, lane in enumerate(way[1:-1], start=1):
            layers[start + offset].append(lane)
        for one, other in itertools.pairwise(way):
            after[one].append(other)
            before[other].append(one)
    for sweep in range(_SWEEPS):
        neighbours = before if sweep % 2 == 0 else after
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            _sort(layer, neighbours, layers)
    return layers


def _sort(
    layer: list[str], neighbours: Mapping[str, list[str]], layers: Sequence[Sequence[str]]
) -> None:
    rank = {
        vertex: (index + 0.5) / len(column)
        for column in layers
        for index, vertex in enumerate(column)
    }
    layer.sort(
        key=lambda vertex: (
            fmean(rank[other] for other in neighbours[vertex])
            if neighbours.get(vertex)
            else rank[vertex]
        )
    )


def _placed(layers: Sequence[Sequence[str]], vertices: Mapping[str, Vertex]) -> dict[str, _Place]:
    """Columns side by side, each centred on the tallest."""
    sizes = {vertex: _size(vertices.get(vertex)) for layer in layers for vertex in layer}
    heights = [sum(sizes[v][1] + _GAP_Y for v in layer) - _GAP_Y for layer in layers]
    tallest = max(heights, default=0)
    places: dict[str, _Place] = {}
    x = float(_MARGIN)
    for layer, height in zip(layers, heights, strict=True):
        width = max((sizes[vertex][0] for vertex in layer), default=0)
        y = _MARGIN + (tallest - height) / 2
        for vertex in layer:
            own_width, own_height = sizes[vertex]
            shift = 0 if own_width == 0 else (width - own_width) / 2
            places[vertex] = _Place(
                id=vertex, x=x + shift, y=y, width=own_width or width, height=own_height
            )
            y += own_height + _GAP_Y
        x += width + _GAP_X
    return places


def _size(vertex: Vertex | None) -> tuple[int, int]:
    """Width and height of a box; a lane has no width of its own."""
    if vertex is None:
        return 0, _LANE_HEIGHT
    return _WIDTH.get(vertex.kind, _DEFAULT_WIDTH), _HEIGHT.get(vertex.kind, _DEFAULT_HEIGHT)


def _box(vertex: Vertex, place: _Place) -> Box:
    return Box(vertex=vertex, x=place.x, y=place.y, width=place.width, height=place.height)


def _line(arrow: Arrow, way: Sequence[str], places: Mapping[str, _Place], *, label: str) -> Line:
    """Curves from edge to edge, straight through its lanes."""
    start, *lanes, end = (places[step] for step in way)
    x, y = start.x + start.width, start.middle
    path = f"M{x:.0f},{y:.0f}"
    label_x, label_y = x + 6, y - 6
    for lane in lanes:
        path += _curve(x, y, lane.x, lane.middle) + f" H{lane.x + lane.width:.0f}"
        x, y = lane.x + lane.width, lane.middle
    path += _curve(x, y, end.x - 5, end.middle)
    return Line(path=path, label=label, label_x=label_x, label_y=label_y)


def _curve(x: float, y: float, to_x: float, to_y: float) -> str:
    half = (x + to_x) / 2
    return f" C{half:.0f},{y:.0f} {half:.0f},{to_y:.0f} {to_x:.0f},{to_y:.0f}"
