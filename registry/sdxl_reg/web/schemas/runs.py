"""Runs as documents."""

from datetime import datetime
from typing import Any

from pydantic import Field

from sdxl_reg.catalog.run_progress import RunProgress
from sdxl_reg.tables import Run
from sdxl_reg.vocabulary import RunKind, RunState
from sdxl_reg.web.schemas.base import Document, Sha256, url


class ProgressItem(Document):
    """How far a run is."""

    what: str = Field(description="The present stage in a word or two: `train`.")
    done: int = Field(description="Of the stage, in steps or pictures.")
    total: int
    loss: float | None = Field(description="The last one that was told.")
    remaining_s: float | None = Field(
        description="What the rest of the stage takes at the present pace, in seconds."
    )


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
    place: int | None = Field(
        description="How many runs come before it here; 0 at work, null where it is not held here."
    )
    progress: ProgressItem | None = Field(
        description="How far it is; null where its process says nothing of that on this machine."
    )
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
    can_cancel: bool = Field(description="Whether it waits or works, and was not told to end.")
    can_resume: bool = Field(description="Whether it has stopped, or nobody begins it.")
    log: str = Field(description="Where its log is.")
    events: str = Field(description="Where it is told what happens, as it happens.")


def run_item(run: Run, *, place: int | None, progress: RunProgress | None) -> RunItem:
    """A run for a list.

    Args:
        run: It.
        place: How many come before it here.
        progress: How far it is.
    """
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
        place=place,
        progress=progress_item(progress),
        url=url("runs", run.id),
    )


def progress_item(progress: RunProgress | None) -> ProgressItem | None:
    """How far a run is, as a document."""
    if progress is None:
        return None
    return ProgressItem(
        what=progress.what,
        done=progress.done,
        total=progress.total,
        loss=progress.loss,
        remaining_s=progress.remaining_s,
    )


def run_document_of(
    facts: dict[str, Any],
    *,
    place: int | None,
    progress: RunProgress | None,
    can_cancel: bool,
    can_resume: bool,
) -> RunDocument:
    """What the catalog says of one run, with where to find more.

    Args:
        facts: Of `run_details.run_document`.
        place: How many runs come before it here.
        progress: How far it is.
        can_cancel: Whether it may be told to end.
        can_resume: Whether it may be gone on with.
    """
    number = facts["id"]
    samples = [sample_facts(sample) for sample in facts["samples"]]
    places = {name: url("runs", number, name) for name in ("log", "events")}
    live = {"place": place, "progress": progress_item(progress)}
    live |= {"can_cancel": can_cancel, "can_resume": can_resume}
    return RunDocument(
        **{**facts, **places, **live, "samples": samples, "url": url("runs", number)}
    )


def sample_facts(sample: dict[str, Any]) -> dict[str, Any]:
    """A sample as the catalog says it, with where its picture is."""
    return {**sample, "url": url("blobs", sample["sha256"])}
