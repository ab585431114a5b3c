"""Small pictures of large ones: those an ingest made, and others on first sight."""

from PIL import Image

from sdxl_reg.errors import Corrupt
from sdxl_reg.imaging.decode import ANY_SIZE, decoded, flattened, opened
from sdxl_reg.imaging.problems import Unreadable
from sdxl_reg.imaging.thumbnails import SIDES, encoded, keep, thumbnail_path
from sdxl_reg.settings import Settings
from sdxl_reg.store.blobs import BlobStore


def thumbnail(settings: Settings, store: BlobStore, sha256: str, *, side: int) -> bytes:
    """A picture made small: upright, sRGB, transparency on white.

    Args:
        settings: Says where thumbnails are kept.
        store: Holds the picture.
        sha256: Which picture.
        side: Longest side wanted, in pixels; a picture is never enlarged.

    Returns:
        A JPEG file.

    Raises:
        InvalidValue: It is no digest.
        NotFound: The store does not hold it.
        Corrupt: It cannot be decoded.
    """
    wanted = next((known for known in SIDES if known >= side), SIDES[-1])
    store.path(sha256)
    path = thumbnail_path(settings.thumbnails_path, sha256, wanted)
    try:
        return path.read_bytes()
    except OSError:  # not there yet, or a home where nothing can be
        made = encoded(_shrunk(store.read(sha256), sha256, wanted))
        keep(made, path)
        return made


def _shrunk(data: bytes, sha256: str, side: int) -> Image.Image:
    try:
        with opened(data, ANY_SIZE) as image:
            picture = flattened(decoded(image, at_least=side), (255, 255, 255))
    except Unreadable as fault:
        raise Corrupt(sha256, str(fault), remedy="Run: sdxl-reg fsck") from fault
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    return picture
