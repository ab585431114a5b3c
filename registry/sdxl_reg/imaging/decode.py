"""From a file to pixels: read once, decoded, upright, in sRGB.

The bytes are read into memory once; the digest, the pixels and the stored blob all come from that
one reading, so that a file that changes meanwhile cannot make them disagree. Memory is bounded by
the two limits of `Limits` and by a budget of pixels for all threads together.
"""

import functools
import importlib
import io
import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from sdxl_reg.imaging.budget import PixelBudget
from sdxl_reg.imaging.problems import Code, Stage, Unreadable

# Ours is checked before any pixel is made, for every picture; Pillow's own limit is a warning
# below twice its size, and warnings cannot be caught one thread at a time.
Image.MAX_IMAGE_PIXELS = None

# No EPS (it starts Ghostscript), no formats of documents.
FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP", "DIB", "TIFF", "PPM", "TGA", "AVIF")
_ORIENTATION = 0x0112  # EXIF's number of it
_budget = PixelBudget(96_000_000)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What is too large to be taken.

    Attributes:
        max_pixels: Width × height; 128 million take about a gigabyte while they are decoded.
        max_bytes: Length of a file.
    """

    max_pixels: int = 128_000_000
    max_bytes: int = 1 << 29


ANY_SIZE = Limits(max_pixels=1 << 40)
"""For what the registry holds: it was once taken."""


def read_bytes(path: Path, limits: Limits) -> bytes:
    """All bytes of a file, which is only read.

    Raises:
        Unreadable: It is empty, too long, not a file any more, vanished, not permitted, or it
            changed while it was read.
    """
    data, before, after = _read(path, limits)
    if len(data) != after.st_size or before.st_mtime_ns != after.st_mtime_ns:
        raise Unreadable(
            Stage.READ,
            Code.CHANGED,
            "It changed while it was read; ingest again when it is finished",
        )
    return data


def read_settled(path: Path, limits: Limits) -> bytes:
    """All bytes of a file that nobody writes to; that its times change means nothing.

    Raises:
        Unreadable: As of `read_bytes`, but for changes.
    """
    return _read(path, limits)[0]


def _read(path: Path, limits: Limits) -> tuple[bytes, os.stat_result, os.stat_result]:
    """The bytes of a file, with its facts before and after; raises as `read_bytes`."""
    try:
        # Without O_NONBLOCK a pipe that took the file's place would hang the ingest.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as stream:
            before = os.fstat(descriptor)
            _check_size(before, limits)
            data = stream.read(before.st_size + 1)  # as much as is asked for is allocated
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
    return data, before, after


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


def upright_rgb(data: bytes, *, background: tuple[int, int, int] = (255, 255, 255)) -> Image.Image:
    """A picture as a trainer or a page sees it: upright, sRGB, transparency on a background.

    Args:
        data: The bytes of a picture.
        background: What shows through where the picture is transparent, 0…255 each.

    Returns:
        The picture in mode RGB.

    Raises:
        Unreadable: As `upright` does.
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
        Unreadable: As `opened` does, or truncated, or corrupt.
    """
    with opened(data, limits or Limits()) as image:
        return decoded(image)


def decoded(image: Image.Image, *, at_least: int = 0) -> Image.Image:
    """The first frame of an opened picture, turned as EXIF says, in sRGB colours.

    Args:
        image: From `opened`; it is loaded by this.
        at_least: Pixels that are enough for the longer side: a JPEG may come out smaller than it
            is, not below this, which takes half the time. 0 for the whole picture.

    Returns:
        The picture in mode RGB, or RGBA where it has transparency.

    Raises:
        Unreadable: It is truncated or corrupt.
    """
    if at_least:
        share = at_least / max(image.size)
        image.draft(None, (ceil(image.width * share), ceil(image.height * share)))
    with _budget.spent(image.width * image.height):
        _load(image)
        return _in_srgb(_turned(image))


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
    with opened(path, Limits()) as image:
        try:
            on_its_side = image.getexif().get(_ORIENTATION, 1) in (5, 6, 7, 8)
        except Exception:  # as in _turned
            on_its_side = False
        return (image.height, image.width) if on_its_side else image.size


def opened(source: bytes | Path, limits: Limits) -> Image.Image:
    """A picture of which only the header is read.

    Args:
        source: Its bytes, or its file.
        limits: What is too large.

    Raises:
        Unreadable: It is no picture, its header is corrupt, or it is too large.
    """
    stream = source if isinstance(source, Path) else io.BytesIO(source)
    try:
        image = Image.open(stream, formats=readable_formats())
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
def readable_formats() -> tuple[str, ...]:
    """The formats this installation opens: Pillow's own, and those of plugins that are there."""
    Image.init()
    for module, register in (("pillow_heif", "register_heif_opener"), ("pillow_jxl", None)):
        with suppress(ImportError):
            plugin = importlib.import_module(module)
            if register is not None:
                getattr(plugin, register)()
    return tuple(name for name in (*FORMATS, "HEIF", "JXL") if name in Image.OPEN)


def _turned(image: Image.Image) -> Image.Image:
    """The picture as its EXIF orientation says; as it is where the EXIF block is broken."""
    try:
        if image.getexif().get(_ORIENTATION, 1) == 1:
            return image  # Pillow would copy it
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


def _load(image: Image.Image) -> None:
    try:
        image.load()
    except Exception as error:  # the decoders of Pillow raise nearly anything on bad bytes
        if "truncated" in str(error) or "unexpected end" in str(error).lower():
            raise Unreadable(
                Stage.DECODE, Code.TRUNCATED, "Its end is missing; copy it again from its origin"
            ) from None
        raise Unreadable(Stage.DECODE, Code.CORRUPT, f"It cannot be decoded: {error}") from None


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
