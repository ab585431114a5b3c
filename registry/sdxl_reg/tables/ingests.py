"""Folders of pictures that are being sent, file by file, until they are ingested."""

from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from sdxl_reg.tables.base import Base, Created, Digest, Document, Key, Project
from sdxl_reg.vocabulary import IngestState


class Ingest(Base):
    """A folder on its way in: its files lie in the store beside the blobs, under its key."""

    __tablename__ = "ingest"
    __table_args__ = (Index("ix_ingest_actor", "actor"),)

    id: Mapped[Key]
    key: Mapped[str] = mapped_column(String(32), unique=True)  # in addresses; cannot be guessed
    actor: Mapped[str] = mapped_column(String(255))  # who sends it; empty where nobody signs in
    project: Mapped[Project]  # of the sets that are new
    folder: Mapped[str] = mapped_column(String(255))  # its name
    origin: Mapped[str] = mapped_column(Text)  # where it lies, as the sender says
    options: Mapped[Document]  # how it is read
    closed: Mapped[Document]  # folders and files that could not be read where it lies
    state: Mapped[IngestState] = mapped_column(default=IngestState.OPEN)
    done: Mapped[int] = mapped_column(default=0)  # how far the recording is
    total: Mapped[int] = mapped_column(default=0)
    doing: Mapped[str] = mapped_column(String(64), default="")
    report: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))  # once done
    error: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))  # why it failed
    created_at: Mapped[Created]
    touched_at: Mapped[Created]  # when somebody last sent something or recorded


class IngestFile(Base):
    """A file of such a folder, as it was announced."""

    __tablename__ = "ingest_file"
    __table_args__ = (Index("ix_ingest_file_sha256", "sha256"),)

    ingest_id: Mapped[int] = mapped_column(
        ForeignKey("ingest.id", ondelete="CASCADE"), primary_key=True
    )
    path: Mapped[str] = mapped_column(Text, primary_key=True)  # relative to the folder, with /
    sha256: Mapped[Digest | None]  # None: not wanted, or known once it has come
    size_bytes: Mapped[int]
    is_here: Mapped[bool]  # whether its bytes are, or are not wanted
