"""Images, image sets, and which image is a member of which set under which path."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.orm import Mapped, mapped_column, relationship

from sdxl_reg.tables.base import Base, Created, Digest, Document, Key, Moment, Name, Project
from sdxl_reg.tables.blobs import Blob
from sdxl_reg.vocabulary import MemberState


def _folder_of_path(context: DefaultExecutionContext) -> str:
    path: str = context.get_current_parameters()["source_path"]  # type: ignore[no-untyped-call]
    return path.rpartition("/")[0]


class Image(Base):
    """A decoded picture; width and height are in pixels, upright as EXIF says."""

    __tablename__ = "image"

    id: Mapped[Key]
    blob_id: Mapped[int] = mapped_column(ForeignKey("blob.id"), unique=True)
    width: Mapped[int]
    height: Mapped[int]
    format: Mapped[str] = mapped_column(String(16))  # as found in the bytes: JPEG, PNG, …
    phash: Mapped[int | None] = mapped_column(BigInteger, index=True)  # 64 bits, signed
    preview_sha256: Mapped[Digest | None]  # of the small picture it was judged by
    pixel_sha256: Mapped[Digest | None] = mapped_column(index=True)  # only where a twin is likely
    brightness: Mapped[float | None]  # mean of the grey values, 0…255
    contrast: Mapped[float | None]  # their standard deviation
    sharpness: Mapped[float | None]  # variance of the Laplacian of the small picture
    exif: Mapped[dict[str, Any] | None] = mapped_column(JSON)  # camera and time, if it says so
    created_at: Mapped[Created]

    blob: Mapped[Blob] = relationship()


class ImageSet(Base):
    """A named collection of images that came from one folder."""

    __tablename__ = "image_set"

    id: Mapped[Key]
    name: Mapped[Name]
    name_key: Mapped[Name] = mapped_column(unique=True)  # NFC, casefolded: for matching
    project: Mapped[Project]
    source: Mapped[str] = mapped_column(Text)  # absolute path of the folder last ingested
    layout: Mapped[Name]  # names of the levels below it: brand/state/defect
    caption_template: Mapped[str] = mapped_column(Text, default="{tags}")  # where no file has one
    background: Mapped[str] = mapped_column(String(7), default="#ffffff")  # behind transparency
    is_linked: Mapped[bool] = mapped_column(default=False)  # its files stay where they are
    totals: Mapped[dict[str, Any] | None] = mapped_column(JSON)  # derived; none: to be counted
    created_at: Mapped[Created]


class Member(Base):
    """An image under one path of a set; the same bytes under two paths are two members."""

    __tablename__ = "member"
    __table_args__ = (
        UniqueConstraint("image_set_id", "source_path"),
        Index("ix_member_image_set_id_id", "image_set_id", "id"),
        Index("ix_member_image_set_id_folder", "image_set_id", "folder"),
    )

    id: Mapped[Key]
    image_set_id: Mapped[int] = mapped_column(ForeignKey("image_set.id"))
    image_id: Mapped[int] = mapped_column(ForeignKey("image.id"), index=True)
    source_path: Mapped[str] = mapped_column(Text)  # relative to the set's folder, with /
    folder: Mapped[str] = mapped_column(Text, default=_folder_of_path)  # of the source path
    source_size: Mapped[int] = mapped_column(BigInteger)  # bytes, when it was last read
    source_mtime_ns: Mapped[int] = mapped_column(BigInteger)
    source_inode: Mapped[int | None] = mapped_column(BigInteger)
    state: Mapped[MemberState] = mapped_column(default=MemberState.PRESENT)
    added_at: Mapped[Created]
    seen_at: Mapped[datetime] = mapped_column(Moment)

    image: Mapped[Image] = relationship()
    image_set: Mapped[ImageSet] = relationship()


class FolderScan(Base):
    """What a folder of a set held when all of it was last recorded without a problem."""

    __tablename__ = "folder_scan"

    image_set_id: Mapped[int] = mapped_column(ForeignKey("image_set.id"), primary_key=True)
    path: Mapped[str] = mapped_column(Text, primary_key=True)  # relative to the set's folder
    fingerprint: Mapped[Digest]  # of names, inodes, sizes and times of everything in it
    facts: Mapped[Document]  # how many pictures, captions and ignored files


class Crop(Base):
    """The part of a picture that training and exports take, chosen for one member."""

    __tablename__ = "crop"

    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), primary_key=True)
    left: Mapped[float]  # fractions of the upright picture, 0…1
    top: Mapped[float]
    right: Mapped[float]
    bottom: Mapped[float]
    author: Mapped[str | None] = mapped_column(String(255))
    created_at: Mapped[Created]


class ImageEmbedding(Base):
    """An image as a network sees it, for likeness and search by words."""

    __tablename__ = "image_embedding"

    image_id: Mapped[int] = mapped_column(ForeignKey("image.id"), primary_key=True)
    network: Mapped[str] = mapped_column(String(255), primary_key=True)
    vector: Mapped[bytes] = mapped_column(LargeBinary)  # float16, unit length
