"""Changes that people made to tags and captions in bulk, each with what undoes it."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from sdxl_reg.tables.base import Base, Created, Document, Key, Moment


class Change(Base):
    """One command or one click that changed many rows; undone as a whole, the newest first."""

    __tablename__ = "change"

    id: Mapped[Key]
    image_set_id: Mapped[int | None] = mapped_column(ForeignKey("image_set.id"), index=True)
    verb: Mapped[str] = mapped_column(String(64))  # tags.merged, captions.replaced
    summary: Mapped[str] = mapped_column(Text)  # a sentence for people
    author: Mapped[str | None] = mapped_column(String(255))
    undo: Mapped[Document]  # what was before, in the form of the module that made the change
    created_at: Mapped[Created]
    undone_at: Mapped[datetime | None] = mapped_column(Moment)
