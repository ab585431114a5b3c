"""Sheets as files: PNG, JPEG or WebP by their suffix, within what each format can hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from sdxl_reg.errors import InvalidValue
from sdxl_reg.evaluation.sheet import count_sheets, draw_sheets
from sdxl_reg.evaluation.view import GridView
from sdxl_reg.evaluation.whole_files import whole_file

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
MOST_PIXELS = {"PNG": 2**31 - 1, "JPEG": 65_500, "WEBP": 16_383}
"""Width and height that a format, and the library that writes it, can hold."""

PAIR_SIDE, PAIR_GAP = 640, 24
"""Pixels: of a small picture when it is enlarged for a vote, and between the two."""
DEFAULT_QUALITY = 90


@dataclass(frozen=True, kw_only=True)
class SavedSheet:
    """A sheet on disk.

    Attributes:
        path: Its file.
        size: Width and height, in pixels.
        drawn_size: The same as it was drawn; larger where the format could not hold it.
    """

    path: Path
    size: tuple[int, int]
    drawn_size: tuple[int, int]

    @property
    def remark(self) -> str:
        """What became of its size, in words; empty where nothing did."""
        if self.size == self.drawn_size:
            return ""
        drawn, size = ("{} x {}".format(*size) for size in (self.drawn_size, self.size))
        limit = MOST_PIXELS[FORMATS[self.path.suffix.lower()]]
        return f"{self.path.name}: made smaller, {drawn} to {size}; it holds {limit} pixels a side"


def save_sheet(image: Image.Image, path: Path, *, quality: int = DEFAULT_QUALITY) -> SavedSheet:
    """Write a page; the file appears whole or not at all.

    Args:
        image: The page.
        path: Ends in .png, .jpg, .jpeg or .webp; its folder is made.
        quality: Of JPEG and WebP, 1 to 100.

    Raises:
        InvalidValue: The suffix is none of these, or the quality is out of range.
    """
    kind = format_of(path)
    if not 1 <= quality <= 100:
        raise InvalidValue("not a quality", quality, remedy="Use 1 to 100")
    shown = _within(image, MOST_PIXELS[kind])
    with whole_file(path) as partial, partial.open("wb") as stream:
        write_sheet(shown, stream, kind=kind, quality=quality)
    return SavedSheet(path=path, size=shown.size, drawn_size=image.size)


def save_sheets(
    view: GridView, path: Path, *, metric: str = "", quality: int = DEFAULT_QUALITY
) -> Sequence[SavedSheet]:
    """Draw a view and write its pages, one in memory at a time.

    Args:
        view: What is shown.
        path: Of the file; several pages become `name-1.png`, `name-2.png` and so on.
        metric: Whose score stands below each picture; empty for the view's first.
        quality: Of JPEG and WebP, 1 to 100.

    Raises:
        InvalidValue: The suffix names no format, or the quality is out of range.
        UnknownName: The view has no such metric.
    """
    format_of(path)
    count = count_sheets(view, metric=metric)
    return [
        save_sheet(page, _numbered(path, number) if count > 1 else path, quality=quality)
        for number, page in enumerate(draw_sheets(view, metric=metric), start=1)
    ]


def write_pair(left: Path, right: Path, *, to: Path) -> Path:
    """Two pictures side by side, without their names; the file appears whole or not at all.

    Args:
        left: A picture.
        right: Another one.
        to: Of the file; its folder is made.
    """
    with Image.open(left) as one, Image.open(right) as other:
        sides = [shown.convert("RGB") for shown in (one, other)]
    factor = max(1, PAIR_SIDE // max(max(side.size) for side in sides))
    sides = [side.resize((side.width * factor, side.height * factor)) for side in sides]
    height = max(side.height for side in sides)
    paper = Image.new("RGB", (sides[0].width + PAIR_GAP + sides[1].width, height), "white")
    paper.paste(sides[0], (0, 0))
    paper.paste(sides[1], (sides[0].width + PAIR_GAP, 0))
    return save_sheet(paper, to).path


def format_of(path: Path) -> str:
    """The format that a file's suffix names, as Pillow calls it.

    Args:
        path: Of the file.

    Raises:
        InvalidValue: It names none that sheets are written in.
    """
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        remedy = f"Use one of: {' '.join(FORMATS)}"
        raise InvalidValue("not a kind of picture", path.suffix or path.name, remedy=remedy)
    return kind


def write_sheet(
    image: Image.Image, stream: BinaryIO, *, kind: str = "PNG", quality: int = DEFAULT_QUALITY
) -> None:
    """Write a page into an open file; the same page gives the same bytes.

    Args:
        image: The page.
        stream: Open for writing.
        kind: PNG, JPEG or WEBP.
        quality: Of JPEG and WebP, 1 to 100.
    """
    if kind == "PNG":
        image.save(stream, "PNG", optimize=False)
    else:
        image.save(stream, kind, quality=quality)


def _within(image: Image.Image, most: int) -> Image.Image:
    if max(image.size) <= most:
        return image
    scale = most / max(image.size)
    size = (max(1, int(image.width * scale)), max(1, int(image.height * scale)))
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)


def _numbered(path: Path, number: int) -> Path:
    return path.with_name(f"{path.stem}-{number}{path.suffix}")
