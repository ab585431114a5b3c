"""What is recorded of a picture: its header and EXIF, a preview, and what the preview tells.

Everything but width, height and format is judged by a preview of 256 pixels, for which a JPEG is
decoded at a fraction of its size: half the time of the whole. Whether two pictures have the same
pixels is not known from that; `pixel_digest` says it, for the few pairs that are likely to.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from sdxl_reg.imaging.decode import Limits, decoded, flattened, opened, upright
from sdxl_reg.imaging.jpeg_markers import foreign_marker
from sdxl_reg.imaging.likeness import near_hashes
from sdxl_reg.imaging.problems import Code
from sdxl_reg.imaging.quality import Flag, Measures, flags, measure
from sdxl_reg.imaging.thumbnails import PREVIEW_SIDE

_WHITE = (255, 255, 255)
_MAKE, _MODEL, _ORIENTATION, _TIME = 0x010F, 0x0110, 0x0112, 0x0132  # EXIF's numbers
_DETAILS, _TAKEN = 0x8769, 0x9003
_SAID = {
    Flag.BLURRED: "It is blurred",
    Flag.DARK: "It is nearly black",
    Flag.BRIGHT: "It is nearly white",
    Flag.FLAT: "It is of one flat colour",
}


@dataclass(frozen=True, kw_only=True)
class PictureFacts:
    """What is recorded of a picture.

    Attributes:
        width: Pixels, upright as EXIF says.
        height: Pixels, upright.
        format: As found in the bytes, whatever the suffix says: JPEG, PNG, …
        hashes: Perceptual hash, 64 bits signed, and those nearest to it (`likeness.near_hashes`);
            empty where the picture is flat.
        preview_sha256: Digest of size and preview: other pixels where it differs from that of a
            picture of the same kind; the same pixels perhaps where it does not.
        measures: Brightness, contrast and sharpness.
        exif: Camera, time and orientation, where the file says them.
        preview: The picture upright and small, in mode RGB, transparency on white.
        notes: Things worth knowing: code and sentence.
    """

    width: int
    height: int
    format: str
    hashes: tuple[int, ...]
    preview_sha256: str
    measures: Measures
    exif: dict[str, str]
    preview: Image.Image = field(repr=False, compare=False)
    notes: tuple[tuple[Code, str], ...] = ()

    @property
    def phash(self) -> int | None:
        """The perceptual hash; None where the picture is flat."""
        return self.hashes[0] if self.hashes else None


def examine(data: bytes, limits: Limits) -> PictureFacts:
    """Decode a picture and say what it is.

    Args:
        data: The bytes of a file.
        limits: What is too large.

    Returns:
        Its facts.

    Raises:
        Unreadable: It is no picture, too large, truncated or corrupt.
    """
    with opened(data, limits) as image:
        image_format = "JPEG" if image.format == "MPO" else str(image.format)
        size = image.size
        small = flattened(decoded(image, at_least=PREVIEW_SIDE), _WHITE)
        exif = _exif(image)  # after decoding: looking for EXIF, Pillow decodes some pictures itself
        notes = tuple(_notes(image, image_format, size, data))
    width, height = size[::-1] if exif.get("orientation", "1") in "5678" else size
    grey = small.convert("L")
    preview = _shrink(small)
    hashes = near_hashes(_in_blocks(grey, size))
    measures = measure(preview.convert("L"))
    return PictureFacts(
        width=width,
        height=height,
        format=image_format,
        hashes=hashes,
        preview_sha256=_digest(preview, (width, height)),
        measures=measures,
        exif=exif,
        preview=preview,
        notes=(*notes, *_quality_notes(width, height, measures)),
    )


def pixel_digest(data: bytes, limits: Limits) -> str:
    """SHA-256 of the size and the upright pixels: equal for the same picture in other bytes.

    An opaque alpha and colours that nobody sees make no difference.

    Args:
        data: The bytes of a picture.
        limits: What is too large.

    Raises:
        Unreadable: It is no picture, too large, truncated or corrupt.
    """
    image = upright(data, limits)
    if image.mode == "RGBA":
        alpha = image.getchannel("A")
        if alpha.getextrema() == (255, 255):
            image = image.convert("RGB")
        else:
            visible = alpha.point([0] + [255] * 255)
            image = Image.composite(image, Image.new("RGBA", image.size), visible)
    return _digest(image, image.size)


def _digest(image: Image.Image, size: tuple[int, int]) -> str:
    digest = hashlib.sha256(f"{image.mode} {size[0]}×{size[1]}\n".encode())
    digest.update(np.asarray(image).data)
    return digest.hexdigest()


def _shrink(image: Image.Image) -> Image.Image:
    """The picture itself, its longer side now at most 256 pixels; Hamming is sharp enough."""
    image.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE), Image.Resampling.HAMMING, reducing_gap=1.0)
    return image


def _in_blocks(grey: Image.Image, size: tuple[int, int]) -> Image.Image:
    """A large picture as the means of its blocks of 8 × 8 pixels.

    That is what a JPEG holds of itself, so it hashes as the same pixels in other formats do,
    although it was decoded at a fraction of its size and they were decoded whole.
    """
    scale = round(max(size) / max(grey.size))
    return grey.reduce(8 // scale) if max(size) >= 2 * PREVIEW_SIDE and scale < 8 else grey


def _exif(image: Image.Image) -> dict[str, str]:
    try:
        found = image.getexif()
        details = found.get_ifd(_DETAILS) if _DETAILS in found else {}
    except Exception:  # EXIF of cameras is broken in every way there is
        return {}
    said: dict[str, Any] = {
        "camera": " ".join(_text(found.get(tag, "")) for tag in (_MAKE, _MODEL)).strip(),
        "taken": _text(details.get(_TAKEN) or found.get(_TIME, "")),
        "orientation": str(found.get(_ORIENTATION, "")),
    }
    return {name: value for name, value in said.items() if value}


def _text(value: object) -> str:
    """What EXIF says as text that databases take: no NUL, no half characters, not endless."""
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return text.encode("utf-8", "ignore").decode().replace("\0", "").strip()[:120]


def _notes(
    image: Image.Image, image_format: str, size: tuple[int, int], data: bytes
) -> Iterator[tuple[Code, str]]:
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image_format != "JPEG":
        yield Code.FIRST_FRAME, f"It is animated; the first of {frames} frames is taken"
    if min(size) < 16 or max(size) > 16 * min(size):
        yield Code.TINY, f"It is only {size[0]}×{size[1]} pixels"
    if _has_more(image_format, data):
        yield Code.TRAILING_BYTES, "There are bytes after the end of the picture"
    if image_format == "JPEG" and (at := foreign_marker(data)) is not None:
        message = f"It is damaged at byte {at:,}; below that its pixels are made up: look at it"
        yield Code.CORRUPT_DATA, message


def _has_more(image_format: str, data: bytes) -> bool:
    """Whether junk follows a picture: after the last marker of a JPEG, the last chunk of a PNG."""
    end = data[-1024:].rstrip(b"\0\r\n \xff")
    if image_format == "PNG":
        return not end.endswith(b"IEND\xaeB`\x82")
    return image_format == "JPEG" and not end.endswith(b"\xff\xd9") and b"\xff\xd9" in data[-65536:]


def _quality_notes(width: int, height: int, measures: Measures) -> Iterator[tuple[Code, str]]:
    for flag in flags(width, height, measures):
        if flag in _SAID:
            yield Code.QUALITY, f"{_SAID[flag]} (quality:{flag})"
