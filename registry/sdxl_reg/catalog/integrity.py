"""Verifying that every recorded blob is there with the bytes it is named by."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from sdxl_reg.errors import Corrupt, NotFound
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.tables import Blob


@dataclass(frozen=True, kw_only=True)
class IntegrityReport:
    """What a verification found.

    Attributes:
        verified: Number of blobs that are as they should be.
        missing: Digests of blobs that are not there.
        corrupt: Digests of blobs with other bytes.
    """

    verified: int
    missing: list[str]
    corrupt: list[str]


def verify_blobs(
    session: Session, store: BlobStore, advance: Callable[[int, int, str], None]
) -> IntegrityReport:
    """Read every recorded blob.

    Args:
        session: The transaction.
        store: Holds the bytes.
        advance: Told (done, total, what) after each blob.
    """
    digests = session.scalars(select(Blob.sha256).order_by(Blob.id)).all()
    missing: list[str] = []
    corrupt: list[str] = []
    for done, digest in enumerate(digests, start=1):
        try:
            store.verify(digest)
        except NotFound:
            missing.append(digest)
        except Corrupt:
            corrupt.append(digest)
        advance(done, len(digests), "verifying")
    verified = len(digests) - len(missing) - len(corrupt)
    return IntegrityReport(verified=verified, missing=missing, corrupt=corrupt)
