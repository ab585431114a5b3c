"""Datasets: frozen versions of image sets."""

from sqlalchemy import JSON, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from sdxl_reg.tables.base import Base, Created, Digest, Key, Name
from sdxl_reg.tables.blobs import Blob
from sdxl_reg.tables.images import Image, ImageSet


class Dataset(Base):
    """A name under which versions of an image set, or of a selection of it, are frozen."""

    __tablename__ = "dataset"

    id: Mapped[Key]
    name: Mapped[Name]
    name_key: Mapped[Name] = mapped_column(unique=True)
    image_set_id: Mapped[int] = mapped_column(ForeignKey("image_set.id"))
    selector: Mapped[str] = mapped_column(Text, default="")  # glob on tag paths; empty = all
    validation_share: Mapped[float] = mapped_column(default=0.0)  # of the images, 0…1
    validation_selector: Mapped[str] = mapped_column(Text, default="")  # instead of a share
    balance_level: Mapped[str] = mapped_column(String(64), default="")  # repeats level this out
    next_version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[Created]

    image_set: Mapped[ImageSet] = relationship()


class DatasetVersion(Base):
    """A frozen manifest; freezing again without a change gives the same version."""

    __tablename__ = "dataset_version"
    __table_args__ = (
        UniqueConstraint("dataset_id", "version"),
        UniqueConstraint("dataset_id", "digest"),
    )

    id: Mapped[Key]
    node_id: Mapped[int] = mapped_column(ForeignKey("node.id"), unique=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("dataset.id"))
    version: Mapped[int]
    digest: Mapped[Digest]  # SHA-256 of the manifest's bytes
    manifest_id: Mapped[int] = mapped_column(ForeignKey("blob.id"))
    image_count: Mapped[int]
    layout: Mapped[Name] = mapped_column(default="")  # what the levels of its tags are called
    created_at: Mapped[Created]

    dataset: Mapped[Dataset] = relationship()
    manifest: Mapped[Blob] = relationship(foreign_keys=[manifest_id])


class DatasetEntry(Base):
    """One line of a manifest, for queries; the manifest is the truth."""

    __tablename__ = "dataset_entry"

    dataset_version_id: Mapped[int] = mapped_column(
        ForeignKey("dataset_version.id"), primary_key=True
    )
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    image_id: Mapped[int] = mapped_column(ForeignKey("image.id"), index=True)
    source_path: Mapped[str] = mapped_column(Text)
    tag_path: Mapped[str] = mapped_column(Text)
    caption: Mapped[str] = mapped_column(Text)
    repeats: Mapped[int] = mapped_column(default=1)
    split: Mapped[str] = mapped_column(String(16), default="train")
    more_tags: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))  # besides
    crop: Mapped[list[float] | None] = mapped_column(JSON)  # left, top, right, bottom: 0…1

    image: Mapped[Image] = relationship()
