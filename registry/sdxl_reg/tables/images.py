"""Images, image sets, and which image is a member of which set under which path."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from sdxl_reg.tables.base import Base, Created, Digest, Key, Moment, Name
from sdxl_reg.tables.blobs import Blob
from sdxl_reg.vocabulary import MemberState


class Image(Base):
    """A decoded picture; width and height are in pixels, upright as EXIF says."""

    __tablename__ = "image"

    id: Mapped[Key]
    blob_id: Mapped[int] = mapped_column(ForeignKey("blob.id"), unique=True)
    width: Mapped[int]
    height: Mapped[int]
    format: Mapped[str] = mapped_column(String(16))  # as found in the bytes: JPEG, PNG, …
    phash: Mapped[int | None] = mapped_column(BigInteger)  # 64-bit perceptual hash, signed
    pixel_sha256: Mapped[Digest] = mapped_column(index=True)  # of size and upright pixels
    created_at: Mapped[Created]

    blob: Mapped[Blob] = relationship()


class ImageSet(Base):
    """A named collection of images that came from one folder."""

    __tablename__ = "image_set"

    id: Mapped[Key]
    name: Mapped[Name]
    name_key: Mapped[Name] = mapped_column(unique=True)  # NFC, casefolded: for matching
    source: Mapped[str] = mapped_column(Text)  # absolute path of the folder last ingested
    layout: Mapped[Name]  # names of the levels below it: brand/state/defect
    caption_template: Mapped[str] = mapped_column(Text, default="{tags}")  # where no file has one
    created_at: Mapped[Created]


class Member(Base):
    """An image under one path of a set; the same bytes under two paths are two members."""

    __tablename__ = "member"
    __table_args__ = (UniqueConstraint("image_set_id", "source_path"),)

    id: Mapped[Key]
    image_set_id: Mapped[int] = mapped_column(ForeignKey("image_set.id"))
    image_id: Mapped[int] = mapped_column(ForeignKey("image.id"), index=True)
    source_path: Mapped[str] = mapped_column(Text)  # relative to the set's folder, with /
    source_size: Mapped[int] = mapped_column(BigInteger)  # bytes, when it was last read
    source_mtime_ns: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[MemberState] = mapped_column(default=MemberState.PRESENT)
    added_at: Mapped[Created]
    seen_at: Mapped[datetime] = mapped_column(Moment)

    image: Mapped[Image] = relationship()
    image_set: Mapped[ImageSet] = relationship()
