"""Runs as documents, with how they stand at this moment: their place in the queue, how far."""

from datetime import datetime

from sqlalchemy.orm import Session

from sdxl_reg.catalog.run_details import run_document
from sdxl_reg.catalog.run_progress import RunProgress, progress_of
from sdxl_reg.catalog.runs import AT_WORK
from sdxl_reg.catalog.work import RESUMABLE, STOPPED
from sdxl_reg.tables import Run, now
from sdxl_reg.vocabulary import RunKind, RunState
from sdxl_reg.web.dependencies import Registry
from sdxl_reg.web.schemas.runs import RunDocument, RunItem, run_document_of, run_item
from sdxl_reg.web.working import Working


def live_item(run: Run, registry: Registry, working: Working) -> RunItem:
    """A run for a list."""
    return run_item(
        run, place=working.place(run.id), progress=_progress(registry, run.id, run.state)
    )


def live_document(
    session: Session, run_id: int, registry: Registry, working: Working
) -> RunDocument:
    """One run with everything recorded of it.

    Raises:
        NotFound: No such run.
    """
    facts = run_document(session, run_id)
    state, kind, place = RunState(facts["state"]), RunKind(facts["kind"]), working.place(run_id)
    is_stopped = state in STOPPED or (state == RunState.QUEUED and place is None)
    return run_document_of(
        facts,
        place=place,
        progress=_progress(registry, run_id, state),
        can_cancel=state in (RunState.QUEUED, RunState.RUNNING),
        can_resume=is_stopped and kind in RESUMABLE,
    )


def seconds_of(run: RunItem) -> float | None:
    """How long a run has worked, in seconds; none before it starts."""
    if run.started_at is None:
        return None
    end: datetime = run.finished_at or now()
    return max(0.0, (end - run.started_at).total_seconds())


def _progress(registry: Registry, run_id: int, state: RunState) -> RunProgress | None:
    return progress_of(registry.settings, run_id) if state in AT_WORK else None
