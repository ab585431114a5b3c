"""Files that are being sent, and answers that are kept for who asks the same again."""

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from sdxl_reg.tables.base import Base, Created, Digest, Key, Project
from sdxl_reg.vocabulary import ScanVerdict, UploadState


class Upload(Base):
    """A file in quarantine: its bytes lie in the store beside the blobs, under its key."""

    __tablename__ = "upload"
    __table_args__ = (Index("ix_upload_actor_sha256", "actor", "sha256"),)

    id: Mapped[Key]
    key: Mapped[str] = mapped_column(String(32), unique=True)  # in addresses; cannot be guessed
    actor: Mapped[str] = mapped_column(String(255))  # who sends it; empty where nobody signs in
    project: Mapped[Project]
    name: Mapped[str] = mapped_column(String(255))  # of the file
    sha256: Mapped[Digest]  # as it was announced; found to be true once it is checked
    size_bytes: Mapped[int]
    state: Mapped[UploadState] = mapped_column(default=UploadState.OPEN)
    verdict: Mapped[ScanVerdict | None]
    reason: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[Created]
    touched_at: Mapped[Created]  # when its state last changed
    version_id: Mapped[int | None] = mapped_column(ForeignKey("artifact_version.id"))  # it became


class KeptAnswer(Base):
    """What a request with an Idempotency-Key was answered; without a status, it is not yet."""

    __tablename__ = "kept_answer"
    __table_args__ = (UniqueConstraint("actor", "key"),)

    id: Mapped[Key]
    actor: Mapped[str] = mapped_column(String(255))
    key: Mapped[str] = mapped_column(String(255))
    request: Mapped[Digest]  # SHA-256 of method, address and body
    status: Mapped[int | None]
    headers: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)
    body: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[Created]
