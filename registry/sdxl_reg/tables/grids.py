"""Grids: versions by strengths, cell by cell, with the scores a pick rests on."""

from typing import Any

from sqlalchemy import JSON, Float, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from sdxl_reg.tables.artifacts import Artifact, ArtifactVersion
from sdxl_reg.tables.base import Base, Created, Digest, Document, Key
from sdxl_reg.tables.blobs import Blob
from sdxl_reg.vocabulary import Outcome


class Grid(Base):
    """One comparison: its plan, its sheet once drawn, and its pick once made."""

    __tablename__ = "grid"

    id: Mapped[Key]
    node_id: Mapped[int] = mapped_column(ForeignKey("node.id"), unique=True)
    artifact_id: Mapped[int] = mapped_column(ForeignKey("artifact.id"), index=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id"))
    spec: Mapped[Document]
    sheet_id: Mapped[int | None] = mapped_column(ForeignKey("blob.id"))
    best_version_id: Mapped[int | None] = mapped_column(ForeignKey("artifact_version.id"))
    best_strength: Mapped[float | None] = mapped_column(Float)
    reason: Mapped[str] = mapped_column(Text, default="")
    pick: Mapped[dict[str, Any] | None] = mapped_column(JSON)  # place, interval, who chose
    created_at: Mapped[Created]

    artifact: Mapped[Artifact] = relationship()
    sheet: Mapped[Blob | None] = relationship(foreign_keys=[sheet_id])
    best_version: Mapped[ArtifactVersion | None] = relationship(foreign_keys=[best_version_id])
    cells: Mapped[list["GridCell"]] = relationship(order_by="GridCell.position")


class GridCell(Base):
    """One place of a grid; its key is the hash of everything that determines its pixels.

    At strength 0 the version does not matter: the cells of all versions share a key and a blob.
    """

    __tablename__ = "grid_cell"
    __table_args__ = (UniqueConstraint("grid_id", "position"),)

    id: Mapped[Key]
    grid_id: Mapped[int] = mapped_column(ForeignKey("grid.id"))
    position: Mapped[int]  # from 0: by panel, page, row, column
    x: Mapped[int]  # column, from 0
    y: Mapped[int]  # row, from 0
    z: Mapped[int]  # page, from 0
    panel: Mapped[int]  # number of the prompt and seed, from 0
    cell_key: Mapped[Digest] = mapped_column(index=True)
    picture: Mapped[Document]  # everything that is asked for: jobs.pictures.PictureSpec
    version_id: Mapped[int] = mapped_column(ForeignKey("artifact_version.id"))
    strength: Mapped[float] = mapped_column(Float)
    prompt: Mapped[str] = mapped_column(Text)
    seed: Mapped[int]
    blob_id: Mapped[int | None] = mapped_column(ForeignKey("blob.id"), index=True)
    reason: Mapped[str] = mapped_column(Text, default="")  # why it could not be drawn

    version: Mapped[ArtifactVersion] = relationship()
    blob: Mapped[Blob | None] = relationship()
    scores: Mapped[list["CellScore"]] = relationship()


class CellScore(Base):
    """A number for a cell, by a named metric and the scorer (network, references) behind it."""

    __tablename__ = "cell_score"
    __table_args__ = (UniqueConstraint("cell_id", "metric", "scorer"),)

    id: Mapped[Key]
    cell_id: Mapped[int] = mapped_column(ForeignKey("grid_cell.id"))
    metric: Mapped[str] = mapped_column(String(64))
    scorer: Mapped[str] = mapped_column(String(128))
    value: Mapped[float] = mapped_column(Float)


class Vote(Base):
    """A person's word on two cells of a grid, seen side by side without their names."""

    __tablename__ = "vote"

    id: Mapped[Key]
    grid_id: Mapped[int] = mapped_column(ForeignKey("grid.id"), index=True)
    left: Mapped[int]  # position of the cell
    right: Mapped[int]
    outcome: Mapped[Outcome]
    created_at: Mapped[Created]
