"""Artifacts, their versions, the files of a version, and the aliases that point at versions."""

from sqlalchemy import (
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from sdxl_reg.tables.base import Base, Created, Digest, Document, Key, Name, Project
from sdxl_reg.tables.blobs import Blob
from sdxl_reg.vocabulary import ArtifactKind, BaseFormat, Chooser, VersionState


class Artifact(Base):
    """A name under which versions of one kind are kept; numbers are never reused."""

    __tablename__ = "artifact"

    id: Mapped[Key]
    kind: Mapped[ArtifactKind]
    name: Mapped[Name]
    name_key: Mapped[Name] = mapped_column(unique=True)
    project: Mapped[Project]
    next_version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[Created]


class ArtifactVersion(Base):
    """One trained result; once ready it never changes."""

    __tablename__ = "artifact_version"
    __table_args__ = (
        UniqueConstraint("artifact_id", "version"),
        UniqueConstraint("id", "artifact_id"),  # what an alias refers to
        Index(
            "uq_artifact_version_ready_digest",
            "artifact_id",
            "digest",
            unique=True,
            sqlite_where=text("state = 'ready'"),
            postgresql_where=text("state = 'ready'"),
        ),
    )

    id: Mapped[Key]
    node_id: Mapped[int] = mapped_column(ForeignKey("node.id"), unique=True)
    artifact_id: Mapped[int] = mapped_column(ForeignKey("artifact.id"))
    version: Mapped[int]
    state: Mapped[VersionState] = mapped_column(default=VersionState.DRAFT)
    digest: Mapped[Digest]  # of its one file, or of the canonical list of its files
    family: Mapped[str] = mapped_column(String(32), default="sdxl")
    format: Mapped[BaseFormat | None]  # of a checkpoint
    trainer: Mapped[str | None] = mapped_column(String(64))  # plugin that applies it
    base_version_id: Mapped[int | None] = mapped_column(ForeignKey("artifact_version.id"))
    run_id: Mapped[int | None] = mapped_column(ForeignKey("run.id"), index=True)
    epoch: Mapped[int | None]
    step: Mapped[int | None]
    loss: Mapped[float | None] = mapped_column(Float)  # mean over the epoch just ended
    details: Mapped[Document] = mapped_column(default=dict)  # trigger words, notes
    created_at: Mapped[Created]

    artifact: Mapped[Artifact] = relationship()
    base: Mapped["ArtifactVersion | None"] = relationship(remote_side="ArtifactVersion.id")
    files: Mapped[list["ArtifactFile"]] = relationship(order_by="ArtifactFile.path")


class ArtifactFile(Base):
    """One file of a version: a path, relative with /, and its bytes."""

    __tablename__ = "artifact_file"

    version_id: Mapped[int] = mapped_column(ForeignKey("artifact_version.id"), primary_key=True)
    path: Mapped[str] = mapped_column(String(512), primary_key=True)
    blob_id: Mapped[int] = mapped_column(ForeignKey("blob.id"), index=True)

    blob: Mapped[Blob] = relationship()


class ArtifactAlias(Base):
    """A movable name for a version, such as `best`, with the reason it points there."""

    __tablename__ = "artifact_alias"
    __table_args__ = (
        ForeignKeyConstraint(
            ["version_id", "artifact_id"], ["artifact_version.id", "artifact_version.artifact_id"]
        ),
    )

    artifact_id: Mapped[int] = mapped_column(ForeignKey("artifact.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    version_id: Mapped[int]
    strength: Mapped[float | None] = mapped_column(Float)  # recommended, 0 … 1
    reason: Mapped[str] = mapped_column(Text, default="")
    chosen_by: Mapped[Chooser] = mapped_column(default=Chooser.PERSON)
    moved_at: Mapped[Created]

    version: Mapped[ArtifactVersion] = relationship()
