"""Rows for blobs: written after the bytes are durable, once per digest."""

from collections.abc import Mapping
from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.orm import Session

from sdxl_reg.errors import NotFound
from sdxl_reg.store.blobs import StoredBlob
from sdxl_reg.tables import Blob, FileHash


def recorded(session: Session, stored: StoredBlob) -> Blob:
    """The row of bytes the store has taken; made now when there is none."""
    blob = session.scalar(select(Blob).where(Blob.sha256 == stored.sha256))
    if blob is None:
        blob = Blob(sha256=stored.sha256, size_bytes=stored.size_bytes)
        session.add(blob)
        session.flush()
    return blob


def digest_of(files: Mapping[str, str]) -> str:
    """The digest of a group of files.

    Args:
        files: Relative path → SHA-256.

    Returns:
        The SHA-256 of a single file; of several, that of the lines `sha256sum` would print for
        them in the order of their paths.
    """
    if len(files) == 1:
        return next(iter(files.values()))
    lines = "".join(f"{digest}  {path}\n" for path, digest in sorted(files.items()))
    return sha256(lines.encode()).hexdigest()


def find_blob(session: Session, sha256: str) -> Blob:
    """The row of a digest.

    Raises:
        NotFound: No recorded bytes have it.
    """
    blob = session.scalar(select(Blob).where(Blob.sha256 == sha256))
    if blob is None:
        raise NotFound("blob", sha256, remedy="Give the whole SHA-256 of a recorded file")
    return blob


def hashes_of(session: Session, blob: Blob) -> dict[str, str]:
    """Algorithm → value: what other programs know some bytes by."""
    query = select(FileHash).where(FileHash.blob_id == blob.id).order_by(FileHash.algorithm)
    return {found.algorithm: found.value for found in session.scalars(query)}
