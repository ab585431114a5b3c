"""Pictures of the store as they are seen; one that is gone or damaged is a fault of its own."""

from PIL import Image

from sdxl_reg.errors import RegistryError
from sdxl_reg.imaging.decode import Limits, decoded, opened
from sdxl_reg.imaging.problems import Code, Stage, Unreadable
from sdxl_reg.store.blobs import BlobStore

_ANY_SIZE = Limits(max_pixels=1 << 40)  # what the registry holds was once taken


def stored_picture(store: BlobStore, sha256: str, *, at_least: int = 0) -> Image.Image:
    """A picture upright and in sRGB, with its transparency.

    Args:
        store: Holds it.
        sha256: Digest of its bytes.
        at_least: A side in pixels that is enough, as `decoded` takes it.

    Raises:
        Unreadable: It is not there, or cannot be decoded.
    """
    try:
        data = store.read(sha256)
    except RegistryError as error:
        raise Unreadable(Stage.READ, Code.VANISHED, str(error)) from error
    with opened(data, _ANY_SIZE) as image:
        return decoded(image, at_least=at_least)
