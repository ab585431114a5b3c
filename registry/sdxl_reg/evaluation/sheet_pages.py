"""What stands on which page of a sheet, so that no page exceeds a limit.

Columns are dealt out evenly first, then panels follow each other, and a panel that is too tall
goes on with its remaining rows on the next page.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sdxl_reg.evaluation.view import Axis, GridView, Panel
from sdxl_reg.imaging.lettering import SMALL, TEXT, Line, fitted, height_of

MIN_SIDE, MAX_SIDE = 160, 320  # pixels a picture shall take on the sheet
GAP, MARGIN, HEADING_BREAK = 8, 32, 4
LABEL_WIDTH = 190
SCORE_HEIGHT = 24
MIN_WIDTH = 760  # of a page: a heading is legible on it
_PROMPT_LINES, _LABEL_LINES, _NOTE_LINES = 12, 4, 2


@dataclass(frozen=True, kw_only=True)
class PageLimit:
    """What a page may measure.

    Attributes:
        pixels: In all; three bytes each while it is drawn.
        side: Width and height, in pixels.
    """

    pixels: int
    side: int


MAX_PAGE = PageLimit(pixels=40_000_000, side=16_000)
"""Within what WebP can hold, and 120 MB in memory."""


@dataclass(frozen=True, kw_only=True)
class Block:
    """Rows of one panel on a page.

    Attributes:
        panel: Its index.
        rows: Indices into the values of Y.
        label_height: Pixels of the labels above the columns.
        height: Pixels in all.
    """

    panel: int
    rows: range
    label_height: int
    height: int


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page.

    Attributes:
        z: Index into the values of Z.
        columns: Indices into the values of X.
        blocks: From the top down.
        side: Width and height a picture takes, in pixels.
        width: Of the page, in pixels.
        has_references: Whether the last column shows pictures of the set.
    """

    z: int
    columns: range
    blocks: Sequence[Block]
    side: tuple[int, int]
    width: int
    has_references: bool


def shown_size(size: tuple[int, int]) -> tuple[int, int]:
    """Width and height a picture takes on the sheet.

    Args:
        size: Its own, in pixels.

    Returns:
        A whole multiple of it when its longer side is below 160, a fraction when above 320.
    """
    longest = max(size)
    if longest < MIN_SIDE:
        factor = -(-MIN_SIDE // longest)
        return size[0] * factor, size[1] * factor
    scale = min(1.0, MAX_SIDE / longest)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def pages_of(view: GridView, *, limit: PageLimit, heading: Callable[[int], int]) -> Sequence[Page]:
    """The pages of a sheet, in their order; at least one, with at least one picture each.

    Args:
        view: What is shown.
        limit: What a page may measure.
        heading: From the width of a page to the height of its heading, both in pixels.
    """
    side = shown_size(view.size)
    has_references = any(panel.references for panel in view.panels)
    pages = []
    for z in range(view.shape[2]):
        for columns in _columns(view, side, has_references, limit):
            width = _width(len(columns), side, has_references)
            room = min(limit.side, limit.pixels // width) - heading(width) - MARGIN
            for blocks in _stacks(view, columns, side, width, room):
                pages.append(
                    Page(
                        z=z,
                        columns=columns,
                        blocks=blocks,
                        side=side,
                        width=width,
                        has_references=has_references,
                    )
                )
    return pages


def prompt_lines(panel: Panel, width: int, colour: str) -> list[Line]:
    """Prompt and seed above a block.

    Args:
        panel: Whose.
        width: Of the page, in pixels.
        colour: Of the lines.
    """
    return fitted(panel.label, TEXT, width - 2 * MARGIN, colour, most=_PROMPT_LINES)


def column_lines(
    axis: Axis, index: int, width: int, colours: tuple[str, str] = ("", "")
) -> list[Line]:
    """Value and notes above a column.

    Args:
        axis: X.
        index: Of the value.
        width: Of a picture, in pixels.
        colours: Of the value and of its notes.
    """
    lines = fitted(axis.values[index], TEXT, width, colours[0], most=_LABEL_LINES)
    for note in axis.notes_of(index):
        lines += fitted(note, SMALL, width, colours[1], most=_NOTE_LINES)
    return lines


def _columns(
    view: GridView, side: tuple[int, int], has_references: bool, limit: PageLimit
) -> Iterator[range]:
    """The columns in equal shares: as wide as a page of these proportions may be."""
    count = len(view.x.values)
    row_height = side[1] + SCORE_HEIGHT + GAP
    fewest_rows = min(len(view.y.values), 8)
    widest = min(limit.side, limit.pixels // (fewest_rows * row_height))
    fixed = _width(0, side, has_references)
    most = max(1, (widest - fixed) // (side[0] + GAP))
    yield from _shares(range(count), most)


def _shares(indices: range, most: int) -> Iterator[range]:
    """The indices in as few runs of at most so many as there can be, as equal as can be."""
    count = -(-len(indices) // most)
    for number in range(count):
        first = number * len(indices) // count
        yield indices[first : (number + 1) * len(indices) // count]


def _stacks(
    view: GridView, columns: range, side: tuple[int, int], width: int, room: int
) -> Iterator[list[Block]]:
    """Blocks below each other, as many as there is room for on a page."""
    stack: list[Block] = []
    for block in _blocks(view, columns, side, width, room):
        if stack and sum(other.height for other in stack) + block.height > room:
            yield stack
            stack = []
        stack.append(block)
    yield stack


def _blocks(
    view: GridView, columns: range, side: tuple[int, int], width: int, room: int
) -> Iterator[Block]:
    labels = max(height_of(column_lines(view.x, x, side[0])) for x in columns) + GAP // 2
    row_height = side[1] + SCORE_HEIGHT + GAP
    for number, panel in enumerate(view.panels):
        fixed = 3 * GAP + height_of(prompt_lines(panel, width, "")) + labels
        most = max(1, (room - fixed) // row_height)
        for rows in _shares(range(len(view.y.values)), most):
            height = fixed + len(rows) * row_height
            yield Block(panel=number, rows=rows, label_height=labels, height=height)


def _width(columns: int, side: tuple[int, int], has_references: bool) -> int:
    shown = columns + has_references
    return max(MIN_WIDTH, 2 * MARGIN + LABEL_WIDTH + shown * (side[0] + GAP) - GAP)
