"""The event log: one table for audit, live updates and export."""

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from sdxl_reg.tables.base import Base, Created, Document, Key


class EventLog(Base):
    """Something that happened: `image_set.ingested`, `run.succeeded`, `alias.moved`."""

    __tablename__ = "event_log"

    id: Mapped[Key]
    at: Mapped[Created]
    verb: Mapped[str] = mapped_column(String(64), index=True)
    subject: Mapped[str] = mapped_column(String(255))
    actor: Mapped[str] = mapped_column(String(255), default="")  # who did it; empty: nobody known
    payload: Mapped[Document] = mapped_column(default=dict)
