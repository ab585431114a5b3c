"""Blobs: bytes named by their SHA-256, the other hashes programs know them by, what scans said."""

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from sdxl_reg.tables.base import Base, Created, Digest, Key
from sdxl_reg.vocabulary import ScanVerdict


class Blob(Base):
    """Bytes in the store; the row is written only after the bytes are durable."""

    __tablename__ = "blob"

    id: Mapped[Key]
    sha256: Mapped[Digest] = mapped_column(unique=True)
    size_bytes: Mapped[int]
    created_at: Mapped[Created]


class FileHash(Base):
    """A hash by which another program names a blob: `autov2`, `autov3`."""

    __tablename__ = "file_hash"
    __table_args__ = (UniqueConstraint("blob_id", "algorithm"),)

    id: Mapped[Key]
    blob_id: Mapped[int] = mapped_column(ForeignKey("blob.id"))
    algorithm: Mapped[str] = mapped_column(String(32))
    value: Mapped[str] = mapped_column(String(64), index=True)


class BlobScan(Base):
    """Whether a program may open a blob, as it was judged last."""

    __tablename__ = "blob_scan"

    blob_id: Mapped[int] = mapped_column(ForeignKey("blob.id"), primary_key=True)
    verdict: Mapped[ScanVerdict]
    reason: Mapped[str] = mapped_column(Text)
    scanned_at: Mapped[Created]
