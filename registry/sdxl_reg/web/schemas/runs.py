"""Runs as documents."""

from datetime import datetime
from typing import Any

from pydantic import Field

from sdxl_reg.tables import Run
from sdxl_reg.vocabulary import RunKind, RunState
from sdxl_reg.web.schemas.base import Document, Sha256, url


class RunItem(Document):
    """A run in a list."""

    id: int
    kind: RunKind
    state: RunState
    title: str = Field(description="One line for people.")
    trainer: str | None
    error: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    url: str


class SlotItem(Document):
    """Something a run took or gave, and as what."""

    slot: str = Field(description="`base`, `dataset`, `version`, `grid`.")
    ref: str = Field(description="With its kind before it: `artifact:weipin-lora@3`.")


class SampleItem(Document):
    """A picture that a training drew on its way."""

    step: int = Field(description="Optimiser steps done.")
    prompt: str
    sha256: Sha256
    url: str = Field(description="Where the picture is.")


class RunDocument(RunItem):
    """One run with everything recorded of it."""

    attempts: int = Field(description="How many processes worked on it.")
    spec: dict[str, Any] = Field(description="All settings, defaults filled in.")
    packages: dict[str, Any] = Field(description="Name → version, in the process that worked.")
    inputs: list[SlotItem]
    outputs: list[SlotItem]
    metrics: dict[str, list[tuple[int, float]]] = Field(description="Name → step and value.")
    samples: list[SampleItem] = Field(description="Pictures drawn while training.")
    log: str = Field(description="Where its log is.")


def run_item(run: Run) -> RunItem:
    """A run for a list."""
    return RunItem(
        id=run.id,
        kind=run.kind,
        state=run.state,
        title=run.title,
        trainer=run.trainer,
        error=run.error,
        created_at=run.created_at,
        started_at=run.started_at,
        finished_at=run.finished_at,
        url=url("runs", run.id),
    )


def run_document_of(facts: dict[str, Any]) -> RunDocument:
    """What the catalog says of one run, with where to find more."""
    number = facts["id"]
    samples = [{**sample, "url": url("blobs", sample["sha256"])} for sample in facts["samples"]]
    places = {"url": url("runs", number), "log": url("runs", number, "log")}
    return RunDocument(**{**facts, **places, "samples": samples})
