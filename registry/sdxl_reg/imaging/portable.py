"""Pictures for programs that know nothing of EXIF and colour profiles, such as sd-scripts."""

import io
from contextlib import suppress
from dataclasses import dataclass

from PIL import Image

from sdxl_reg.imaging.decode import ANY_SIZE, upright

SUFFIXES = {"JPEG": ".jpg", "MPO": ".jpg", "PNG": ".png", "WEBP": ".webp", "BMP": ".bmp"}
"""Formats that every trainer reads → the suffix by which it finds them."""


@dataclass(frozen=True, kw_only=True)
class PortablePicture:
    """A picture as a file.

    Attributes:
        data: Its bytes.
        suffix: Of its file, with the dot, lower case.
        is_original: Whether the bytes are those that were given.
    """

    data: bytes
    suffix: str
    is_original: bool


def portable(data: bytes) -> PortablePicture:
    """A picture so that the plainest reader sees it upright, in sRGB.

    Args:
        data: The bytes of a picture.

    Returns:
        These bytes where a plain reader sees the same pixels as we do; else a PNG of the pixels,
        which has no orientation and no profile.

    Raises:
        Unreadable: It is no picture, truncated or corrupt.
    """
    meant = upright(data, ANY_SIZE)
    suffix = _suffix_if_plain(data, meant)
    if suffix is not None:
        return PortablePicture(data=data, suffix=suffix, is_original=True)
    meant.info.clear()  # Pillow would write the profile that the colours came through
    stream = io.BytesIO()
    meant.save(stream, "PNG")
    return PortablePicture(data=stream.getvalue(), suffix=".png", is_original=False)


def _suffix_if_plain(data: bytes, meant: Image.Image) -> str | None:
    with Image.open(io.BytesIO(data)) as image, suppress(OSError, ValueError):
        suffix = SUFFIXES.get(str(image.format))
        seen = image.convert(meant.mode)
        if suffix and seen.size == meant.size and seen.tobytes() == meant.tobytes():
            return suffix
    return None
