"""Small pictures of large ones, as files in a folder: `256/ab/abcdef….jpg`.

They can be made again at any time, so they are no blobs, and nothing depends on their being there.
JPEG and not WebP: at this size the encoder takes a twentieth of the time, and every picture that is
ingested gets one.
"""

import io
import os
import threading
from contextlib import suppress
from pathlib import Path

from PIL import Image

SIDES = (128, 256, 512)
"""Longest sides that are made, in pixels; what is asked for is rounded up to one of them."""
PREVIEW_SIDE = 256
"""The one that an ingest makes, and by which it judges a picture."""


def thumbnail_path(folder: Path, sha256: str, side: int) -> Path:
    """Where a thumbnail lies, whether or not it is there.

    Args:
        folder: Of all thumbnails.
        sha256: Of the picture's bytes.
        side: One of `SIDES`.
    """
    return folder / str(side) / sha256[:2] / f"{sha256}.jpg"


def encoded(picture: Image.Image) -> bytes:
    """A picture in mode RGB as a JPEG file."""
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


def keep(data: bytes, path: Path) -> None:
    """Write a file that appears whole; where it cannot be written that costs time only, later."""
    aside = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        try:
            aside.write_bytes(data)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            aside.write_bytes(data)
        aside.replace(path)
    except OSError:
        with suppress(OSError):
            aside.unlink()
