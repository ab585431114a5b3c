"""One run as a document: what it was asked, what it took and gave, what it reported."""

import os
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.lineage_nodes import refs_of
from sdxl_reg.catalog.runs import find_run, last_attempt, mark_lost, metrics_of
from sdxl_reg.settings import Settings
from sdxl_reg.tables import LineageEvent, RunSample
from sdxl_reg.vocabulary import Direction


def run_document(session: Session, run_id: int) -> dict[str, Any]:
    """Everything recorded of a run, as JSON.

    Raises:
        NotFound: No such run.
    """
    mark_lost(session)
    run = find_run(session, run_id)
    attempt = last_attempt(session, run)
    return {
        "id": run.id,
        "kind": str(run.kind),
        "state": str(run.state),
        "title": run.title,
        "trainer": run.trainer,
        "error": run.error,
        "created_at": run.created_at,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "attempts": attempt.number if attempt else 0,
        "spec": run.spec,
        "packages": run.packages,
        "inputs": _nodes_of(session, run_id, Direction.INPUT),
        "outputs": _nodes_of(session, run_id, Direction.OUTPUT),
        "metrics": metrics_of(session, run),
        "samples": _samples_of(session, run_id),
    }


def log_tail(settings: Settings, run_id: int, *, max_bytes: int) -> str:
    """The end of what the process of a run wrote; empty when it wrote nothing on this machine.

    Args:
        settings: Where the runs lie.
        run_id: Its number.
        max_bytes: At most so much, from whole lines.
    """
    try:
        with (settings.runs_path / str(run_id) / "log.txt").open("rb") as stream:
            length = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, length - max_bytes))
            data = stream.read(max_bytes)
    except FileNotFoundError:
        return ""
    if length > max_bytes:
        data = data.partition(b"\n")[2]
    return data.decode("utf-8", errors="replace")


def _samples_of(session: Session, run_id: int) -> list[dict[str, Any]]:
    """The pictures a training drew on its way, in their order."""
    query = select(RunSample).where(RunSample.run_id == run_id)
    return [
        {"step": sample.step, "prompt": sample.prompt, "sha256": sample.blob.sha256}
        for sample in session.scalars(query.order_by(RunSample.step, RunSample.id))
    ]


def _nodes_of(session: Session, run_id: int, direction: Direction) -> list[dict[str, str]]:
    events = session.scalars(
        select(LineageEvent)
        .where(LineageEvent.run_id == run_id, LineageEvent.direction == direction)
        .order_by(LineageEvent.id)
    ).all()
    refs = refs_of(session, [event.node_id for event in events])
    return [
        {"slot": event.slot, "ref": refs[event.node_id]}
        for event in events
        if event.node_id in refs  # it may belong to a project that is not read
    ]
