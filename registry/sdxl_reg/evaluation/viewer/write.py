"""The viewer as files: one page with everything in it, or a folder with a page and its pictures."""

import base64
import hashlib
import io
from collections.abc import Callable
from enum import StrEnum
from functools import cache
from pathlib import Path

from PIL import Image, ImageOps

from sdxl_reg.errors import Conflict
from sdxl_reg.evaluation.view import Cell, CellState, GridView
from sdxl_reg.evaluation.viewer.document import view_document
from sdxl_reg.evaluation.viewer.page import GENERATOR, page_text
from sdxl_reg.evaluation.whole_files import whole_file

MOST_EMBEDDED_BYTES = 48_000_000
"""Up to so much, a page holds the pictures as they are."""

PREVIEW_SIDE, REFERENCE_SIDE = 512, 384  # pixels
_QUALITY = 85
_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "GIF": "image/gif"}


class Embed(StrEnum):
    """Which pictures a page of one file holds."""

    AUTO = "auto"
    ORIGINALS = "originals"
    PREVIEWS = "previews"


def write_viewer(view: GridView, to: Path, *, embed: Embed = Embed.AUTO) -> Path:
    """Write the viewer; it opens from disk, without a server and without a network.

    Args:
        view: What it shows.
        to: A file that ends in .html, which then holds everything; else a folder, which gets
            `index.html` and `pictures/` with the originals and small ones for the grid.
        embed: For one file: the pictures as they are, or at 512 pixels a side; by default as they
            are up to 48 MB of them.

    Returns:
        The page to open; it appears whole or not at all.

    Raises:
        Conflict: The folder holds an `index.html` that is not of a viewer.
    """
    if to.suffix.lower() in {".html", ".htm"}:
        return _written(to, _single(view, embed))
    return _written(to / "index.html", _beside_pictures(view, to))


def _single(view: GridView, embed: Embed) -> str:
    pictures = {cell.picture for cell in view.cells if cell.picture and _is_there(cell)}
    if embed is Embed.AUTO:
        total = sum(path.stat().st_size for path in pictures)
        embed = Embed.ORIGINALS if total <= MOST_EMBEDDED_BYTES else Embed.PREVIEWS
    url = data_uri if embed is Embed.ORIGINALS else _preview_uri
    return page_text(
        view_document(
            view,
            lambda cell: url(cell.picture) if cell.picture and _is_there(cell) else None,
            reference_url=lambda path: _reference_uri(path) if _is_picture(path) else None,
        )
    )


def _beside_pictures(view: GridView, folder: Path) -> str:
    _refuse_others(folder / "index.html")
    pictures = folder / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)

    @cache
    def original(path: Path) -> str:
        data = path.read_bytes()
        name = f"{hashlib.sha256(data).hexdigest()[:20]}{_suffix(path)}"
        return f"pictures/{_placed(pictures / name, lambda: data)}"

    @cache
    def small(path: Path, side: int) -> str | None:
        with Image.open(path) as opened:
            if max(opened.size) <= side:
                return None
        name = f"{hashlib.sha256(path.read_bytes()).hexdigest()[:20]}-{side}.webp"
        return f"pictures/{_placed(pictures / name, lambda: smaller(path, side))}"

    def picture(cell: Cell) -> str | None:
        return original(cell.picture) if cell.picture and _is_there(cell) else None

    def preview(cell: Cell) -> str | None:
        return small(cell.picture, PREVIEW_SIDE) if cell.picture and _is_there(cell) else None

    def reference(path: Path) -> str | None:
        return (small(path, REFERENCE_SIDE) or original(path)) if _is_picture(path) else None

    document = view_document(view, picture, preview_url=preview, reference_url=reference)
    return page_text(document)


def data_uri(path: Path) -> str:
    """A picture file as a data URI: the bytes as they are.

    Args:
        path: Of a picture.
    """
    with Image.open(path) as opened:
        kind = _TYPES.get(opened.format or "", "image/png")
    return _uri(path.read_bytes(), kind)


def smaller(path: Path, side: int) -> bytes:
    """A picture as WebP, no larger than so many pixels a side.

    Args:
        path: Of a picture.
        side: Most pixels of its longer side.
    """
    with Image.open(path) as opened:
        picture = ImageOps.exif_transpose(opened).convert("RGBA")
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    is_opaque = picture.getchannel("A").getextrema() == (255, 255)
    stream = io.BytesIO()
    (picture.convert("RGB") if is_opaque else picture).save(stream, "WEBP", quality=_QUALITY)
    return stream.getvalue()


def _preview_uri(path: Path) -> str:
    return _uri(smaller(path, PREVIEW_SIDE), "image/webp")


def _reference_uri(path: Path) -> str:
    return _uri(smaller(path, REFERENCE_SIDE), "image/webp")


def _uri(data: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def _is_there(cell: Cell) -> bool:
    drawn = cell.state is CellState.DRAWN and cell.picture is not None
    return drawn and cell.picture is not None and _is_picture(cell.picture)


def _is_picture(path: Path) -> bool:
    """Whether a browser can be given it; the viewer says so in the place of one that it cannot."""
    try:
        with Image.open(path):
            return True
    except OSError:
        return False


def _suffix(path: Path) -> str:
    with Image.open(path) as opened:
        return f".{(opened.format or 'png').lower()}"


def _placed(path: Path, data: Callable[[], bytes]) -> str:
    """Write a file that is named by its content, unless it is there; return its name."""
    if not path.exists():
        with whole_file(path) as partial:
            partial.write_bytes(data())
    return path.name


def _refuse_others(index: Path) -> None:
    if index.exists() and GENERATOR not in index.read_text("utf-8", errors="replace")[:4000]:
        remedy = "Name another folder, or move it away"
        raise Conflict(f"{index} is not a page of this viewer", remedy=remedy)


def _written(path: Path, text: str) -> Path:
    with whole_file(path) as partial:
        partial.write_text(text, "utf-8")
    return path
