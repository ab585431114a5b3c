"""Captions: every text ever given to a member is kept; the head names the present one."""

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from sdxl_reg.tables.base import Base, Created, Key
from sdxl_reg.vocabulary import CaptionSource


class Caption(Base):
    """One text for one member; never changed, only followed by another."""

    __tablename__ = "caption"

    id: Mapped[Key]
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), index=True)
    text: Mapped[str] = mapped_column(Text)
    source: Mapped[CaptionSource]
    author: Mapped[str | None] = mapped_column(String(255))
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("caption.id"))
    tokens: Mapped[int | None]  # of CLIP's tokenizer, without start and end
    change_id: Mapped[int | None] = mapped_column(ForeignKey("change.id"), index=True)
    created_at: Mapped[Created]


class CaptionHead(Base):
    """The caption a member has now."""

    __tablename__ = "caption_head"

    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), primary_key=True)
    caption_id: Mapped[int] = mapped_column(ForeignKey("caption.id"))

    caption: Mapped[Caption] = relationship()
