"""A contact sheet of crops: shelves of small pictures, what is cut away darkened."""

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from sdxl_reg.imaging.crops import WHOLE, Box, pixels_of_part
from sdxl_reg.imaging.lettering import SMALL, TEXT, Line, fitted, height_of, write

PAPER, INK, QUIET = "#16181d", "#f2f2f2", "#a3a8b3"
KEPT, ENLARGED, CHOSEN = "#4fc3f7", "#ff8a50", "#ffd54f"
"""Frames: around what is kept; around what is kept and enlarged; around what a person chose."""

SIDE = 224
"""Longest side of a picture on a sheet, in pixels."""

_GAP = 16
_DARKNESS = 0.7


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


def contact_sheet(shelves: Sequence[Shelf], *, columns: int = 6, side: int = SIDE) -> Image.Image:
    """A sheet of all shelves below each other.

    Args:
        shelves: At least one.
        columns: Pictures beside each other, ≥ 1.
        side: Longest side of a picture on the sheet, in pixels.

    Returns:
        A picture in mode RGB.
    """
    parts = [_drawn(shelf, columns, side) for shelf in shelves]
    sheet = Image.new("RGB", (parts[0].width, sum(part.height for part in parts)), PAPER)
    top = 0
    for part in parts:
        sheet.paste(part, (0, top))
        top += part.height
    return sheet


def _drawn(shelf: Shelf, columns: int, side: int) -> Image.Image:
    width = _GAP + columns * (side + _GAP)
    title = fitted(shelf.title, TEXT, width - 2 * _GAP, INK, most=2)
    rows = [shelf.exhibits[n : n + columns] for n in range(0, len(shelf.exhibits), columns)]
    heights = [
        max(_size(each, side)[1] + height_of(_text(each, side)) for each in row) for row in rows
    ]
    whole = _GAP + height_of(title) + sum(height + _GAP for height in heights)
    paper = Image.new("RGB", (width, whole), PAPER)
    pen = ImageDraw.Draw(paper)
    top = write(pen, (_GAP, _GAP), title)
    for row, height in zip(rows, heights, strict=True):
        for column, exhibit in enumerate(row):
            left = _GAP + column * (side + _GAP)
            picture = _framed(exhibit, side)
            paper.paste(picture, (left, top))
            write(pen, (left, top + picture.height + _GAP // 4), _text(exhibit, side))
        top += height + _GAP
    return paper


def _text(exhibit: Exhibit, side: int) -> list[Line]:
    """Name and note, as many lines as they take."""
    name = fitted(exhibit.name, SMALL, side, INK, most=2)
    return name + fitted(exhibit.note, SMALL, side, QUIET, most=1)


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
