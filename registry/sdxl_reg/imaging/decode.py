"""From a file to facts and pixels: read once, decoded whole, upright, in sRGB.

The bytes are read into memory once; the digest, the pixels and the stored blob all come from that
one reading, so that a file that changes meanwhile cannot make them disagree. Memory is bounded by
two limits of `Limits`, and large pictures are decoded one at a time.
"""

import functools
import hashlib
import io
import os
import stat
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from sdxl_reg.imaging.likeness import phash
from sdxl_reg.imaging.problems import Code, Stage, Unreadable

# Ours is checked before any pixel is made, for every picture; Pillow's own limit is a warning
# below twice its size, and warnings cannot be caught one thread at a time.
Image.MAX_IMAGE_PIXELS = None

# No EPS (it starts Ghostscript), no formats of documents.
FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP", "DIB", "TIFF", "PPM", "TGA", "AVIF")
_LARGE_PIXELS = 32_000_000
_ORIENTATION = 0x0112  # EXIF's number of it
_one_large_picture = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What is too large to be taken.

    Attributes:
        max_pixels: Width × height; 128 million take about a gigabyte while they are decoded.
        max_bytes: Length of a file.
    """

    max_pixels: int = 128_000_000
    max_bytes: int = 1 << 29


@dataclass(frozen=True, kw_only=True)
class PictureFacts:
    """What is recorded of a picture.

    Attributes:
        width: Pixels, upright as EXIF says.
        height: Pixels, upright.
        format: As found in the bytes, whatever the suffix says: JPEG, PNG, …
        phash: Perceptual hash, 64 bits signed; None where the picture is flat.
        pixel_sha256: Digest of size and pixels: equal for the same picture in other bytes.
        notes: Things worth knowing: code and sentence.
    """

    width: int
    height: int
    format: str
    phash: int | None
    pixel_sha256: str
    notes: tuple[tuple[Code, str], ...] = ()


def read_bytes(path: Path, limits: Limits) -> bytes:
    """All bytes of a file, which is only read.

    Raises:
        Unreadable: It is empty, too long, not a file any more, vanished, not permitted, or it
            changed while it was read.
    """
    try:
        # Without O_NONBLOCK a pipe that took the file's place would hang the ingest.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as stream:
            before = os.fstat(descriptor)
            _check_size(before, limits)
            data = stream.read(limits.max_bytes + 1)
            after = os.fstat(descriptor)
    except FileNotFoundError:
        raise Unreadable(
            Stage.READ, Code.VANISHED, "It vanished while the folder was read"
        ) from None
    except PermissionError:
        raise Unreadable(
            Stage.READ, Code.PERMISSION_DENIED, "It may not be read; check its permissions"
        ) from None
    except OSError as error:
        raise Unreadable(
            Stage.READ, Code.UNREADABLE, f"It cannot be read: {error.strerror}"
        ) from None
    if len(data) != after.st_size or before.st_mtime_ns != after.st_mtime_ns:
        raise Unreadable(
            Stage.READ,
            Code.CHANGED,
            "It changed while it was read; ingest again when it is finished",
        )
    return data


def _check_size(facts: os.stat_result, limits: Limits) -> None:
    if not stat.S_ISREG(facts.st_mode):
        raise Unreadable(Stage.READ, Code.NOT_A_FILE, "It is a pipe, socket or device, not a file")
    if facts.st_size == 0:
        raise Unreadable(Stage.READ, Code.EMPTY, "It holds no bytes")
    if facts.st_size > limits.max_bytes:
        raise Unreadable(
            Stage.READ,
            Code.TOO_LARGE,
            f"It has {facts.st_size:,} bytes; at most {limits.max_bytes:,} are read",
        )


def examine(data: bytes, limits: Limits) -> PictureFacts:
    """Decode a picture whole and say what it is.

    Args:
        data: The bytes of a file.
        limits: What is too large.

    Returns:
        Its facts.

    Raises:
        Unreadable: It is no picture, too large, truncated or corrupt.
    """
    with _opened(data, limits) as image:
        image_format = "JPEG" if image.format == "MPO" else str(image.format)
        if image.width * image.height > _LARGE_PIXELS:
            with _one_large_picture:
                upright = _upright(image)
        else:
            upright = _upright(image)
        return PictureFacts(
            width=upright.width,
            height=upright.height,
            format=image_format,
            phash=phash(flattened(upright, (255, 255, 255))),
            pixel_sha256=_pixel_digest(upright),
            notes=_notes(image, image_format, data),
        )


def upright_rgb(data: bytes, *, background: tuple[int, int, int] = (255, 255, 255)) -> Image.Image:
    """A picture as a trainer or a page sees it: upright, sRGB, transparency on a background.

    Args:
        data: The bytes of a picture.
        background: What shows through where the picture is transparent, 0…255 each.

    Returns:
        The picture in mode RGB.

    Raises:
        Unreadable: As `examine` does.
    """
    return flattened(upright(data), background)


def upright(data: bytes, limits: Limits | None = None) -> Image.Image:
    """A picture upright and in sRGB, with its transparency.

    Args:
        data: The bytes of a picture.
        limits: What is too large.

    Returns:
        The picture in mode RGB, or RGBA where it has transparency.

    Raises:
        Unreadable: As `examine` does.
    """
    with _opened(data, limits or Limits()) as image:
        return _upright(image)


def flattened(image: Image.Image, background: tuple[int, int, int]) -> Image.Image:
    """A picture in front of a colour.

    Args:
        image: In mode RGB or RGBA.
        background: What shows through where the picture is transparent, 0…255 each.

    Returns:
        The picture in mode RGB.
    """
    if image.mode != "RGBA":
        return image
    canvas = Image.new("RGB", image.size, background)
    canvas.paste(image, mask=image.getchannel("A"))
    return canvas


def upright_size(path: Path) -> tuple[int, int]:
    """Width and height in pixels of a picture as it is seen, from its header.

    Raises:
        Unreadable: It is no picture, or too large.
    """
    with _opened(path, Limits()) as image:
        try:
            on_its_side = image.getexif().get(_ORIENTATION, 1) in (5, 6, 7, 8)
        except Exception:  # as in _turned
            on_its_side = False
        return (image.height, image.width) if on_its_side else image.size


def _opened(source: bytes | Path, limits: Limits) -> Image.Image:
    stream = source if isinstance(source, Path) else io.BytesIO(source)
    try:
        image = Image.open(stream, formats=_formats())
    except UnidentifiedImageError:
        data = source.read_bytes() if isinstance(source, Path) else source
        raise Unreadable(Stage.DECODE, Code.NOT_AN_IMAGE, _what_it_is(data)) from None
    except FileNotFoundError:
        raise Unreadable(Stage.READ, Code.VANISHED, "It is not there") from None
    except Exception as error:  # the decoders of Pillow raise nearly anything on bad bytes
        raise Unreadable(Stage.DECODE, Code.CORRUPT, f"It cannot be decoded: {error}") from None
    if image.width * image.height > limits.max_pixels:
        raise Unreadable(
            Stage.DECODE,
            Code.TOO_LARGE,
            f"It has {image.width}×{image.height} pixels and at most {limits.max_pixels:,} are "
            "decoded; if it is genuine, raise --max-pixels",
        )
    return image


@functools.cache
def _formats() -> tuple[str, ...]:
    """Those of `FORMATS` that this Pillow can open; some are compiled in or not."""
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _turned(image: Image.Image) -> Image.Image:
    """The picture as its EXIF orientation says; as it is where the EXIF block is broken."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # EXIF of cameras is broken in every way there is
        return image


def _what_it_is(data: bytes) -> str:
    head = data[:512].lstrip().lower()
    if head.startswith((b"<!doctype html", b"<html")):
        return "It is a page of HTML, not a picture: probably a download that failed"
    if b"\0" not in head:
        return "It is text, not a picture"
    return "Its bytes are of no picture format that is known here"


def _upright(image: Image.Image) -> Image.Image:
    """The first frame, whole, turned as EXIF says, in mode RGB or RGBA and sRGB colours."""
    try:
        image.load()
    except Exception as error:  # the decoders of Pillow raise nearly anything on bad bytes
        if "truncated" in str(error) or "unexpected end" in str(error).lower():
            raise Unreadable(
                Stage.DECODE, Code.TRUNCATED, "Its end is missing; copy it again from its origin"
            ) from None
        raise Unreadable(Stage.DECODE, Code.CORRUPT, f"It cannot be decoded: {error}") from None
    return _in_srgb(_turned(image))


def _in_srgb(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        image = _grey_in_8_bits(image)
    has_alpha = image.has_transparency_data
    if profile and image.mode in ("RGB", "CMYK", "RGBA", "L"):
        image = _through_profile(image, profile)
    mode = "RGBA" if has_alpha else "RGB"
    return image if image.mode == mode else image.convert(mode)


def _grey_in_8_bits(image: Image.Image) -> Image.Image:
    """Grey of 16 or 32 bits scaled to 8; Pillow's own conversion cuts off everything above 255."""
    values = np.asarray(image, dtype=np.float64)
    top = 65535.0 if image.mode != "F" else 255.0 if values.max() > 1.0 else 1.0
    return Image.fromarray(np.clip(values / top * 255.0, 0, 255).round().astype(np.uint8))


def _through_profile(image: Image.Image, profile: bytes) -> Image.Image:
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        name = ImageCms.getProfileDescription(source)
        if "sRGB" in name and image.mode != "CMYK":
            return image
        mode = "RGBA" if image.mode == "RGBA" else "RGB"
        made = ImageCms.profileToProfile(
            image, source, ImageCms.createProfile("sRGB"), outputMode=mode
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image  # a broken profile says nothing of the colours: they are taken as sRGB
    return image if made is None else made


def _pixel_digest(image: Image.Image) -> str:
    """SHA-256 of size and pixels, without an opaque alpha or colours that nobody sees."""
    if image.mode == "RGBA":
        alpha = image.getchannel("A")
        if alpha.getextrema() == (255, 255):
            image = image.convert("RGB")
        else:
            visible = alpha.point([0] + [255] * 255)
            image = Image.composite(image, Image.new("RGBA", image.size), visible)
    digest = hashlib.sha256(f"{image.mode} {image.width}×{image.height}\n".encode())
    digest.update(np.asarray(image).data)
    return digest.hexdigest()


def _notes(image: Image.Image, image_format: str, data: bytes) -> tuple[tuple[Code, str], ...]:
    notes = []
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image_format != "JPEG":
        notes.append((Code.FIRST_FRAME, f"It is animated; the first of {frames} frames is taken"))
    if min(image.size) < 16 or max(image.size) > 16 * min(image.size):
        notes.append((Code.TINY, f"It is only {image.width}×{image.height} pixels"))
    if image_format == "PNG" and not data.rstrip(b"\0").endswith(b"IEND\xaeB`\x82"):
        notes.append((Code.TRAILING_BYTES, "There are bytes after the end of the picture"))
    return tuple(notes)
