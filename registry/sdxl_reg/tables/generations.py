"""Generations: pictures that were asked for by prompt, with everything that made them."""

from sqlalchemy import ForeignKey, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from sdxl_reg.tables.base import Base, Created, Digest, Document, Key
from sdxl_reg.tables.images import Image


class Generation(Base):
    """One request: so many pictures, made by one run."""

    __tablename__ = "generation"

    id: Mapped[Key]
    node_id: Mapped[int] = mapped_column(ForeignKey("node.id"), unique=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id"), index=True)
    batch_size: Mapped[int]
    created_at: Mapped[Created]

    pictures: Mapped[list["GeneratedPicture"]] = relationship(
        order_by="GeneratedPicture.position", back_populates="generation"
    )


class GeneratedPicture(Base):
    """One picture of a request; an image like any other once it is drawn."""

    __tablename__ = "generated_picture"
    __table_args__ = (UniqueConstraint("generation_id", "position"),)

    id: Mapped[Key]
    generation_id: Mapped[int] = mapped_column(ForeignKey("generation.id"))
    position: Mapped[int]
    picture_key: Mapped[Digest] = mapped_column(index=True)  # of what determines its pixels
    picture: Mapped[Document]  # jobs.pictures.PictureSpec
    image_id: Mapped[int | None] = mapped_column(ForeignKey("image.id"), index=True)
    reason: Mapped[str] = mapped_column(Text, default="")  # why it could not be drawn

    generation: Mapped[Generation] = relationship(back_populates="pictures")
    image: Mapped[Image | None] = relationship()
