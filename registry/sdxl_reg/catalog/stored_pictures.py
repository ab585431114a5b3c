"""Pictures of the store, seen or as files; one that is gone or damaged is a fault of its own."""

from collections.abc import Iterable
from pathlib import Path

from PIL import Image

from sdxl_reg.errors import Corrupt, NotFound, RegistryError
from sdxl_reg.imaging.decode import ANY_SIZE, decoded, opened
from sdxl_reg.imaging.problems import Code, Stage, Unreadable
from sdxl_reg.store.blobs import BlobStore


def stored_picture(store: BlobStore, sha256: str, *, at_least: int = 0) -> Image.Image:
    """A picture upright and in sRGB, with its transparency.

    Args:
        store: Holds it.
        sha256: Digest of its bytes.
        at_least: Pixels that are enough for the longer side, as `decoded` takes it.

    Raises:
        Unreadable: It is not there, or cannot be decoded.
    """
    try:
        data = store.read(sha256)
    except RegistryError as error:
        raise Unreadable(Stage.READ, Code.VANISHED, str(error)) from error
    with opened(data, ANY_SIZE) as image:
        return decoded(image, at_least=at_least)


def files_of(store: BlobStore, digests: Iterable[str]) -> tuple[dict[str, Path], dict[str, str]]:
    """Where pictures lie, for a process that reads them there.

    Args:
        store: Holds them.
        digests: Of their bytes.

    Returns:
        Digest → file; and digest → why, for linked pictures that are gone or were changed.
    """
    paths: dict[str, Path] = {}
    faults: dict[str, str] = {}
    for digest in dict.fromkeys(digests):
        try:
            paths[digest] = store.checked_path(digest)
        except (Corrupt, NotFound) as error:
            faults[digest] = str(error)
    return paths, faults
