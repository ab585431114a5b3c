"""Pictures with the same pixels in other bytes: found among those that look alike, then proven.

Hashing the pixels of every picture would take longer than all the rest of an ingest. Pictures of
one size and one perceptual hash are few, so only these are decoded whole and compared.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from sdxl_reg.catalog.portions import portions
from sdxl_reg.errors import Corrupt, NotFound
from sdxl_reg.imaging.decode import ANY_SIZE
from sdxl_reg.imaging.examine import pixel_digest
from sdxl_reg.imaging.problems import Unreadable
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.tables import Image


def prove_twins(session: Session, store: BlobStore, images: Mapping[Image, Sequence[int]]) -> None:
    """Give pictures that may have the pixels of another the digest of their pixels, both of them.

    Args:
        session: The transaction, with the pictures flushed.
        store: Holds them.
        images: Pictures that are new → their `likeness.near_hashes`.
    """
    alike = _alike(session, images)
    for image, hashes in images.items():
        for look in hashes or (image.preview_sha256,):
            for other in alike[image.width, image.height, look]:
                if other.id == image.id or not _may_be_equal(image, other):
                    continue
                _digest(store, image)
                _digest(store, other)


def _alike(
    session: Session, images: Mapping[Image, Sequence[int]]
) -> dict[tuple[int, int, object], list[Image]]:
    """Every recorded picture that looks like one of these, by size and hash, or preview."""
    found: dict[tuple[int, int, object], list[Image]] = defaultdict(list)
    query = select(Image).options(joinedload(Image.blob))
    hashed = {value for hashes in images.values() for value in hashes}
    flat = {image.preview_sha256 for image, hashes in images.items() if not hashes}
    for some in portions(sorted(hashed)):
        for image in session.scalars(query.where(Image.phash.in_(some))):
            found[image.width, image.height, image.phash].append(image)
    for digests in portions(sorted(str(digest) for digest in flat)):
        chosen = query.where(Image.phash.is_(None), Image.preview_sha256.in_(digests))
        for image in session.scalars(chosen):
            found[image.width, image.height, image.preview_sha256].append(image)
    return found


def _may_be_equal(image: Image, other: Image) -> bool:
    """Whether pixels can be equal; previews that were made in one way tell when they are not."""
    one_way = (image.format == "JPEG") == (other.format == "JPEG")
    return not one_way or image.preview_sha256 == other.preview_sha256


def _digest(store: BlobStore, image: Image) -> None:
    if image.pixel_sha256 is None:
        try:
            image.pixel_sha256 = pixel_digest(store.read(image.blob.sha256), ANY_SIZE)
        except (Unreadable, NotFound, Corrupt):
            return  # fsck tells of it; it is nobody's twin
