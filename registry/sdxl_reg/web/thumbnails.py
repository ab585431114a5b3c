"""Small pictures of large ones: made on first sight, kept in the home, never in the blob store."""

import io
import os
import tempfile
from pathlib import Path

from PIL import Image

from sdxl_reg.errors import Corrupt
from sdxl_reg.imaging.decode import upright_rgb
from sdxl_reg.imaging.problems import Unreadable
from sdxl_reg.settings import Settings
from sdxl_reg.store.blobs import BlobStore

SIDES = (128, 256, 512)
"""Longest sides that are made, in pixels; what is asked for is rounded up to one of them."""


def thumbnail(settings: Settings, store: BlobStore, sha256: str, *, side: int) -> bytes:
    """A picture made small: upright, sRGB, transparency on white.

    Args:
        settings: Says where thumbnails are kept.
        store: Holds the picture.
        sha256: Which picture.
        side: Longest side wanted, in pixels; a picture is never enlarged.

    Returns:
        A WebP file.

    Raises:
        InvalidValue: It is no digest.
        NotFound: The store does not hold it.
        Corrupt: It cannot be decoded.
    """
    wanted = next((known for known in SIDES if known >= side), SIDES[-1])
    folder = settings.home / "thumbnails" / str(wanted) / store.path(sha256).parent.name
    path = folder / f"{sha256}.webp"
    try:
        return path.read_bytes()
    except OSError:  # not there yet, or a home where nothing can be
        made = _shrunk(store.read(sha256), sha256, wanted)
        _keep(made, path)
        return made


def _shrunk(data: bytes, sha256: str, side: int) -> bytes:
    try:
        picture = upright_rgb(data)
    except Unreadable as fault:
        raise Corrupt(sha256, str(fault), remedy="Run: sdxl-reg fsck") from fault
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=85, method=4)
    return buffer.getvalue()


def _keep(data: bytes, path: Path) -> None:
    """Write a file that appears whole; an unwritable home costs time only."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
        Path(name).replace(path)
    except OSError:
        return
