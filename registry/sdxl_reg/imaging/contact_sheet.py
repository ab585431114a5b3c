"""A contact sheet of crops: shelves of small pictures, what is cut away darkened."""

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from sdxl_reg.imaging.crops import WHOLE, Box, pixels_of_part
from sdxl_reg.imaging.lettering import SMALL, TEXT, Line, fitted, height_of, write

PAPER, INK, QUIET = "#16181d", "#f2f2f2", "#a3a8b3"
KEPT, ENLARGED, CHOSEN = "#4fc3f7", "#ff8a50", "#ffd54f"
"""Frames: around what is kept; around what is kept and enlarged; around what a person chose."""

_GAP = 16
_DARKNESS = 0.7
_NAME_LINES = 3


@dataclass(frozen=True, kw_only=True)
class Exhibit:
    """A picture with what is kept of it.

    Attributes:
        picture: Upright, in mode RGB, of any size.
        kept: The part that is kept, in fractions.
        chosen: A crop that was chosen for it, in fractions; None: none was.
        name: What people call it.
        note: A few words below the name.
        is_enlarged: Whether the part is enlarged; its frame has another colour then.
    """

    picture: Image.Image
    kept: Box
    chosen: Box | None = None
    name: str = ""
    note: str = ""
    is_enlarged: bool = False


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """Pictures that belong together.

    Attributes:
        title: What they share.
        exhibits: In their order.
    """

    title: str
    exhibits: Sequence[Exhibit]


def contact_sheet(shelves: Sequence[Shelf], *, columns: int = 6, side: int = 224) -> Image.Image:
    """A sheet of all shelves below each other.

    Args:
        shelves: At least one.
        columns: Pictures beside each other, ≥ 1.
        side: Longest side of a picture on the sheet, in pixels.

    Returns:
        A picture in mode RGB.
    """
    width = _GAP + columns * (side + _GAP)
    cell = side + _GAP + _NAME_LINES * height_of([Line("", SMALL, INK)])
    heights = [_height(shelf, columns, cell, width) for shelf in shelves]
    sheet = Image.new("RGB", (width, _GAP + sum(heights)), PAPER)
    top = _GAP
    for shelf, height in zip(shelves, heights, strict=True):
        _fill(sheet, shelf, top, columns, side, cell)
        top += height
    return sheet


def _height(shelf: Shelf, columns: int, cell: int, width: int) -> int:
    rows = -(-len(shelf.exhibits) // columns)
    return height_of(_title(shelf, width)) + _GAP + rows * cell


def _title(shelf: Shelf, width: int) -> list[Line]:
    return fitted(shelf.title, TEXT, width - 2 * _GAP, INK, most=2)


def _fill(sheet: Image.Image, shelf: Shelf, top: int, columns: int, side: int, cell: int) -> None:
    pen = ImageDraw.Draw(sheet)
    top = write(pen, (_GAP, top), _title(shelf, sheet.width)) + _GAP // 2
    for number, exhibit in enumerate(shelf.exhibits):
        left = _GAP + number % columns * (side + _GAP)
        upper = top + number // columns * cell
        sheet.paste(_framed(exhibit, side), (left, upper))
        below = min(side, _size(exhibit, side)[1]) + 4
        lines = fitted(exhibit.name, SMALL, side, INK, most=_NAME_LINES - 1)
        write(
            pen, (left, upper + below), [*lines, *fitted(exhibit.note, SMALL, side, QUIET, most=1)]
        )


def _size(exhibit: Exhibit, side: int) -> tuple[int, int]:
    width, height = exhibit.picture.size
    scale = side / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _framed(exhibit: Exhibit, side: int) -> Image.Image:
    """The picture with everything darkened that is not kept, and frames."""
    picture = exhibit.picture.convert("RGB").resize(_size(exhibit, side), Image.Resampling.LANCZOS)
    kept = pixels_of_part(picture.size, exhibit.kept)
    dark = Image.blend(picture, Image.new("RGB", picture.size, PAPER), _DARKNESS)
    dark.paste(picture.crop(kept), kept[:2])
    if exhibit.chosen is not None and exhibit.chosen != WHOLE:
        _frame(dark, exhibit.chosen, CHOSEN)
    _frame(dark, exhibit.kept, ENLARGED if exhibit.is_enlarged else KEPT)
    return dark


def _frame(picture: Image.Image, box: Box, colour: str) -> None:
    left, upper, right, lower = pixels_of_part(picture.size, box)
    pen = ImageDraw.Draw(picture)
    pen.rectangle((left, upper, right - 1, lower - 1), outline=colour, width=2)
