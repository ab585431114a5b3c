"""The file of each picture of an export: its own bytes where they will do, else drawn anew."""

import hashlib
import io
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from os import cpu_count
from typing import Literal

from PIL import Image, UnidentifiedImageError

from sdxl_reg.catalog.dataset_exports.baking import baked_picture, is_baked
from sdxl_reg.catalog.dataset_exports.contents import Contents, Picture
from sdxl_reg.catalog.dataset_exports.options import ExportOptions
from sdxl_reg.errors import Corrupt
from sdxl_reg.imaging.backgrounds import rgb_of
from sdxl_reg.imaging.decode import ANY_SIZE, flattened, upright
from sdxl_reg.imaging.portable import PortablePicture, portable
from sdxl_reg.imaging.problems import Unreadable
from sdxl_reg.store.blobs import BlobStore

_SUFFIXES = {"png": ".png", "jpg": ".jpg", "webp": ".webp"}
_KEPT = {"JPEG": "jpg", "WEBP": "webp"}  # all others are written as PNG
_ORIENTATION = 0x0112  # EXIF's number of it
_FULL_COLOUR_QUALITY = 90  # from here on JPEG keeps the colours of every pixel


@dataclass(frozen=True, kw_only=True)
class PictureFile:
    """A picture as it is written.

    Attributes:
        data: Its bytes.
        suffix: With the dot, lower case.
        size: Width and height in pixels.
        is_original: Whether the bytes are those that were ingested.
    """

    data: bytes
    suffix: str
    size: tuple[int, int]
    is_original: bool


def files_of(
    store: BlobStore,
    contents: Contents,
    pictures: Sequence[Picture],
    *,
    options: ExportOptions,
    unchanged: Literal["seen", "bytes"],
) -> Iterator[tuple[Picture, PictureFile]]:
    """The files of pictures, in order, some of them made ahead in threads.

    Args:
        store: Holds the pictures.
        contents: The dataset version.
        pictures: Some of it.
        options: How they are written.
        unchanged: `bytes` keeps the bytes of pictures that need not be cut or converted even where
            a plain reader sees them turned or in other colours.

    Raises:
        NotFound: A picture is not in the store.
        Corrupt: A picture in the store is damaged, or cannot be decoded.
    """

    def made(picture: Picture) -> PictureFile:
        data = _verified(store, picture)
        if (
            unchanged == "bytes"
            and options.image_format == "keep"
            and not is_baked(picture, options)
        ):
            return _as_it_is(picture, data)
        try:
            return _file(data, picture, contents, options)
        except Unreadable as error:
            remedy = "Run: sdxl-reg fsck"
            raise Corrupt(picture.source_path, error.message, remedy=remedy) from error

    threads = cpu_count() or 1
    pool = ThreadPoolExecutor(threads, thread_name_prefix="export")
    try:
        window: deque[tuple[Picture, Future[PictureFile]]] = deque()
        for picture in pictures:
            window.append((picture, pool.submit(made, picture)))
            if len(window) > 2 * threads:
                first, future = window.popleft()
                yield first, future.result()
        for first, future in window:
            yield first, future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _verified(store: BlobStore, picture: Picture) -> bytes:
    data = store.read(picture.sha256)
    if hashlib.sha256(data).hexdigest() != picture.sha256:
        fault = "its bytes in the store are not those that were ingested"
        raise Corrupt(picture.source_path, fault, remedy="Run: sdxl-reg fsck")
    return data


def _as_it_is(picture: Picture, data: bytes) -> PictureFile:
    suffix = "." + picture.source_path.rpartition(".")[2]
    return PictureFile(data=data, suffix=suffix, size=picture.size, is_original=True)


def _file(data: bytes, picture: Picture, contents: Contents, options: ExportOptions) -> PictureFile:
    """A picture as every reader sees it right, cut, resized and converted as is asked for."""
    baked = is_baked(picture, options)
    if not baked:
        plain = _seen_as_it_is(data) or portable(data)
        if options.image_format == "keep" or (
            plain.is_original and plain.suffix == _SUFFIXES[options.image_format]
        ):
            return PictureFile(
                data=plain.data,
                suffix=plain.suffix,
                size=picture.size,
                is_original=plain.is_original,
            )
    form = options.image_format
    if form == "keep":
        form = _KEPT.get(picture.format, "png")  # type: ignore[assignment]
    seen = upright(data, ANY_SIZE)
    image = baked_picture(seen, picture, contents.background, options) if baked else seen
    if form == "jpg":
        image = flattened(image, rgb_of(contents.background))
    return PictureFile(
        data=_encoded(image, form, options.quality),
        suffix=_SUFFIXES[form],
        size=image.size,
        is_original=False,
    )


def _seen_as_it_is(data: bytes) -> PortablePicture | None:
    """A JPEG whose head says that every reader sees it as we do; its pixels need not be made."""
    with suppress(UnidentifiedImageError), Image.open(io.BytesIO(data)) as image:
        is_plain = (
            image.format == "JPEG"
            and image.mode in ("RGB", "L")
            and "icc_profile" not in image.info
            and _orientation(image) in (None, 1)
        )
        return PortablePicture(data=data, suffix=".jpg", is_original=True) if is_plain else None
    return None


def _orientation(image: Image.Image) -> object:
    try:
        return image.getexif().get(_ORIENTATION)
    except Exception:  # EXIF of cameras is broken in every way there is
        return "unknown"


def _encoded(image: Image.Image, form: str, quality: int) -> bytes:
    image.info.clear()  # Pillow would write the profile that the colours came through
    stream = io.BytesIO()
    if form == "jpg":
        subsampling = 0 if quality >= _FULL_COLOUR_QUALITY else 2
        image.save(stream, "JPEG", quality=quality, subsampling=subsampling)
    elif form == "webp":
        image.save(stream, "WEBP", quality=quality)
    else:
        image.save(stream, "PNG")
    return stream.getvalue()
