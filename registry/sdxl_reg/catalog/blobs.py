"""Rows for blobs: written after the bytes are durable, once per digest; what scans said of them."""

from collections.abc import Mapping
from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from sdxl_reg.errors import NotFound
from sdxl_reg.formats.scans import Scan, scan
from sdxl_reg.store.blobs import BlobStore, StoredBlob
from sdxl_reg.tables import Blob, BlobScan, FileHash, now
from sdxl_reg.vocabulary import ScanVerdict

NOT_SCANNED = Scan(ScanVerdict.UNKNOWN, "not scanned yet: sdxl-reg artifact scan")


def recorded(session: Session, stored: StoredBlob) -> Blob:
    """The row of bytes the store has taken; made now when there is none."""
    query = select(Blob).where(Blob.sha256 == stored.sha256)
    blob = session.scalar(query)
    if blob is None:
        blob = Blob(sha256=stored.sha256, size_bytes=stored.size_bytes)
        try:
            with session.begin_nested():
                session.add(blob)
        except IntegrityError:  # another writer was first
            blob = session.scalars(query).one()
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


def scan_of(session: Session, blob: Blob) -> Scan:
    """What a scan said of some bytes; unknown where none has been made."""
    found = session.get(BlobScan, blob.id)
    if found is None:
        return NOT_SCANNED
    return Scan(found.verdict, found.reason)


def rescan(session: Session, store: BlobStore, blob: Blob, name: str) -> Scan:
    """Scan some bytes, and keep what came of it.

    Args:
        session: The transaction.
        store: Holds the bytes.
        blob: Their row.
        name: What the file is called.

    Raises:
        NotFound: The store does not hold them.
    """
    path = store.checked_path(blob.sha256)
    if not path.is_file():
        raise NotFound("blob", blob.sha256, remedy="Its bytes are missing; run: sdxl-reg fsck")
    found = scan(path, name=name)
    row = session.get(BlobScan, blob.id)
    if row is None:
        row = BlobScan(blob_id=blob.id)
        session.add(row)
    row.verdict, row.reason, row.scanned_at = found.verdict, found.reason, now()
    session.flush()
    return found
