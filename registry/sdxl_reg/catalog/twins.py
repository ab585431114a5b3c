"""Pictures with the same pixels in other bytes: found among those that look alike, then proven.

Hashing the pixels of every picture would take longer than all the rest of an ingest. Pictures of
one size and one perceptual hash are few, so only these are decoded whole and compared.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import Row, Select, select, update
from sqlalchemy.orm import Session

from sdxl_reg.catalog.portions import portions
from sdxl_reg.errors import Corrupt, NotFound
from sdxl_reg.imaging.decode import ANY_SIZE
from sdxl_reg.imaging.examine import pixel_digest
from sdxl_reg.imaging.problems import Unreadable
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.tables import Blob, Image

_Look = tuple[int, int, int | str | None]  # width, height, hash; of a flat picture its preview
_Picture = Row[*tuple[Any, ...]]


def prove_twins(
    session: Session, store: BlobStore, hashes: Mapping[int, Sequence[int]]
) -> dict[int, str]:
    """Give pictures that may have the pixels of another the digest of their pixels, both of them.

    Args:
        session: The transaction, with the pictures flushed.
        store: Holds them.
        hashes: Row of a picture that is new → its `likeness.near_hashes`.

    Returns:
        Row → SHA-256 of the pixels, of all pictures that were given it now.
    """
    alike = _alike(session, hashes)
    new = {row.id: row for rows in alike.values() for row in rows if row.id in hashes}
    likely: dict[int, _Picture] = {}
    for number, picture in new.items():
        for look in hashes[number] or (picture.preview_sha256,):
            for other in alike.get((picture.width, picture.height, look), ()):
                if other.id != number and _may_be_equal(picture, other):
                    likely |= {number: picture, other.id: other}
    found = dict(_digests(store, likely.values()))
    if found:
        rows = [{"id": number, "pixel_sha256": digest} for number, digest in found.items()]
        session.execute(update(Image), rows)
    return found


def _alike(session: Session, hashes: Mapping[int, Sequence[int]]) -> Mapping[_Look, list[_Picture]]:
    """Every recorded picture that looks like one of these, and these; by size and hash."""
    found: dict[_Look, list[_Picture]] = defaultdict(list)
    for some in portions(sorted({value for near in hashes.values() for value in near})):
        for row in session.execute(_pictures().where(Image.phash.in_(some))):
            found[row.width, row.height, row.phash].append(row)
    flat = [number for number, near in hashes.items() if not near]
    for numbers in portions(flat):
        previews = select(Image.preview_sha256).where(Image.id.in_(numbers)).scalar_subquery()
        same = _pictures().where(Image.phash.is_(None), Image.preview_sha256.in_(previews))
        for row in session.execute(same):
            found[row.width, row.height, row.preview_sha256].append(row)
    return found


def _pictures() -> Select[*tuple[Any, ...]]:
    return select(
        Image.id,
        Image.width,
        Image.height,
        Image.format,
        Image.phash,
        Image.preview_sha256,
        Image.pixel_sha256,
        Blob.sha256,
    ).join(Blob, Blob.id == Image.blob_id)


def _may_be_equal(picture: _Picture, other: _Picture) -> bool:
    """Whether pixels can be equal; previews that were made in one way tell when they are not."""
    one_way = (picture.format == "JPEG") == (other.format == "JPEG")
    return not one_way or picture.preview_sha256 == other.preview_sha256


def _digests(store: BlobStore, pictures: Iterable[_Picture]) -> Iterator[tuple[int, str]]:
    """Of those that have none yet; one that cannot be read is nobody's twin, and fsck tells."""
    for picture in pictures:
        if picture.pixel_sha256 is None:
            with suppress(Unreadable, NotFound, Corrupt):
                yield picture.id, pixel_digest(store.read(picture.sha256), ANY_SIZE)
