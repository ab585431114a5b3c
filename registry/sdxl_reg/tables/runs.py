"""Runs: work that takes inputs and gives outputs in a process of its own."""

from datetime import datetime

from sqlalchemy import Float, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from sdxl_reg.tables.base import Base, Created, Document, Key, Moment, Project
from sdxl_reg.tables.blobs import Blob
from sdxl_reg.vocabulary import RunKind, RunState


class Run(Base):
    """One piece of work: what was asked, how it stands, and what it needs to be repeated."""

    __tablename__ = "run"

    id: Mapped[Key]
    kind: Mapped[RunKind]
    project: Mapped[Project]
    trainer: Mapped[str | None] = mapped_column(String(64))
    state: Mapped[RunState] = mapped_column(default=RunState.QUEUED, index=True)
    title: Mapped[str] = mapped_column(Text)  # one line for people: train lora weipin@1
    spec: Mapped[Document]  # all settings, defaults filled in
    packages: Mapped[Document] = mapped_column(default=dict)  # name → version in the worker
    error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[Created]
    started_at: Mapped[datetime | None] = mapped_column(Moment)
    finished_at: Mapped[datetime | None] = mapped_column(Moment)


class RunAttempt(Base):
    """One process that worked on a run; a resumed run has several."""

    __tablename__ = "run_attempt"

    run_id: Mapped[int] = mapped_column(ForeignKey("run.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    host: Mapped[str] = mapped_column(String(255))
    pid: Mapped[int]
    started_at: Mapped[Created]
    heartbeat_at: Mapped[datetime] = mapped_column(Moment)
    finished_at: Mapped[datetime | None] = mapped_column(Moment)
    exit_code: Mapped[int | None]


class RunMetric(Base):
    """One number a run reported, such as `loss` at a step."""

    __tablename__ = "run_metric"
    __table_args__ = (Index("ix_run_metric_run_name_step", "run_id", "name", "step"),)

    id: Mapped[Key]
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id"))
    name: Mapped[str] = mapped_column(String(64))
    step: Mapped[int]
    value: Mapped[float] = mapped_column(Float)


class RunSample(Base):
    """A picture that a training drew on its way."""

    __tablename__ = "run_sample"
    __table_args__ = (Index("ix_run_sample_run_step", "run_id", "step"),)

    id: Mapped[Key]
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id"))
    step: Mapped[int]
    prompt: Mapped[str] = mapped_column(Text)
    blob_id: Mapped[int] = mapped_column(ForeignKey("blob.id"))

    blob: Mapped[Blob] = relationship()
