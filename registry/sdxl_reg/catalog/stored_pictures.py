"""Pictures of the store as they are seen; one that is gone or damaged is a fault of its own."""

from PIL import Image

from sdxl_reg.errors import RegistryError
from sdxl_reg.imaging.decode import upright
from sdxl_reg.imaging.problems import Code, Stage, Unreadable
from sdxl_reg.store.blobs import BlobStore


def stored_picture(store: BlobStore, sha256: str) -> Image.Image:
    """A picture upright and in sRGB, with its transparency.

    Args:
        store: Holds it.
        sha256: Digest of its bytes.

    Raises:
        Unreadable: It is not there, or cannot be decoded.
    """
    try:
        data = store.read(sha256)
    except RegistryError as error:
        raise Unreadable(Stage.READ, Code.VANISHED, str(error)) from error
    return upright(data)
