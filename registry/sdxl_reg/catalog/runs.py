"""Runs: starting, following, ending them, and noticing those whose process is gone."""

import math
import os
import socket
from collections.abc import Callable, Collection, Generator, Iterable, Sequence
from contextlib import closing
from datetime import timedelta

from sqlalchemy import Engine, delete, select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.audit import note
from sdxl_reg.catalog.list_filters import RUN_FIELDS, filtered
from sdxl_reg.catalog.paging import Page, Slice, page_of
from sdxl_reg.errors import Conflict, NotFound, RunFailed
from sdxl_reg.jobs import events
from sdxl_reg.store.database import transaction
from sdxl_reg.tables import Run, RunAttempt, RunMetric
from sdxl_reg.tables.base import now
from sdxl_reg.vocabulary import RunKind, RunState

SILENCE_LIMIT = timedelta(minutes=10)
HEARTBEAT_INTERVAL = timedelta(seconds=10)
AT_WORK = (RunState.RUNNING, RunState.CANCELLING)
"""A process works on a run that stands so, or is gone."""

Handler = Callable[[events.Event], None]


def new_run(
    session: Session,
    kind: RunKind,
    title: str,
    spec: dict[str, object],
    *,
    project: str,
    trainer: str | None = None,
) -> Run:
    """A queued run.

    Args:
        session: The transaction.
        kind: What it does.
        title: One line for people.
        spec: All settings, defaults filled in.
        project: That of what it is made of, or made for.
        trainer: The plugin, for a training run.
    """
    run = Run(
        kind=kind,
        project=project,
        title=title,
        spec=spec,
        trainer=trainer,
        state=RunState.QUEUED,
    )
    session.add(run)
    session.flush()
    note(session, "run.queued", f"run {run.id}", title=title)
    return run


def find_run(session: Session, run_id: int) -> Run:
    """The run of a number.

    Raises:
        NotFound: There is none.
    """
    run = session.get(Run, run_id)
    if run is None:
        raise NotFound("run", str(run_id), remedy="See: sdxl-reg runs")
    return run


def runs(session: Session) -> Sequence[Run]:
    """Every run, newest first; one whose process is gone is shown as lost."""
    mark_lost(session)
    return session.scalars(select(Run).order_by(Run.id.desc())).all()


def runs_page(
    session: Session,
    part: Slice,
    *,
    states: Collection[RunState] = (),
    kinds: Collection[RunKind] = (),
) -> Page[Run]:
    """Some of the runs, newest first.

    Args:
        session: The transaction.
        part: Which page; its filter knows `RUN_FIELDS`.
        states: Only runs that stand so; empty for all.
        kinds: Only runs that do this; empty for all.

    Raises:
        InvalidValue: The cursor or the filter is none of ours.
        UnknownName: The filter asks for another field.
    """
    query = select(Run).where(filtered(part.filter, RUN_FIELDS, name="title"))
    if states:
        query = query.where(Run.state.in_(states))
    if kinds:
        query = query.where(Run.kind.in_(kinds))
    return page_of(session, query, Run.id, part, newest_first=True)


def states_of(session: Session, run_ids: Iterable[int]) -> dict[int, RunState]:
    """Number of a run → how it stands.

    Args:
        session: The transaction.
        run_ids: A page of them.
    """
    query = select(Run.id, Run.state).where(Run.id.in_(set(run_ids)))
    return {row.id: row.state for row in session.execute(query)}


def mark_lost(session: Session) -> None:
    """Mark as lost the runs that claim to work and whose process is gone."""
    for run in lost_runs(session):
        was_to_end = run.state == RunState.CANCELLING
        state = RunState.CANCELLED if was_to_end else RunState.LOST
        _end(session, run, state, "its process is gone", exit_code=None)


def lost_runs(session: Session) -> list[Run]:
    """The runs that claim to work and whose process is gone; nothing is written."""
    running = session.scalars(select(Run).where(Run.state.in_(AT_WORK))).all()
    attempts = [(run, last_attempt(session, run)) for run in running]
    return [run for run, attempt in attempts if attempt is not None and not _is_alive(attempt)]


def last_attempt(session: Session, run: Run) -> RunAttempt | None:
    """The newest process that worked on a run."""
    return session.scalar(
        select(RunAttempt)
        .where(RunAttempt.run_id == run.id)
        .order_by(RunAttempt.number.desc())
        .limit(1)
    )


def cancel(session: Session, run_id: int) -> Run:
    """Have a run end: one that waits at once, one that works as soon as its process hears of it.

    What it had finished by then stays, and it can be resumed.

    Raises:
        NotFound: No such run.
        Conflict: It has ended already.
    """
    mark_lost(session)
    run = find_run(session, run_id)
    if run.state.is_final:
        raise Conflict(
            f"run {run_id} has ended: it is {run.state}",
            remedy="There is nothing to cancel",
        )
    if run.state == RunState.QUEUED:
        _end(session, run, RunState.CANCELLED, "cancelled before it began", exit_code=None)
    elif run.state == RunState.RUNNING:
        run.state = RunState.CANCELLING
        note(session, "run.cancelling", f"run {run_id}")
        session.flush()
    return run


def requeue(session: Session, run: Run) -> None:
    """Have a run that has ended, or never began, wait to be worked on.

    Raises:
        Conflict: A process works on it.
    """
    if run.state in AT_WORK:
        raise Conflict(f"run {run.id} is still at work", remedy="See: sdxl-reg runs")
    if run.state != RunState.QUEUED:
        run.state = RunState.QUEUED
        run.finished_at = run.error = None
        note(session, "run.resumed", f"run {run.id}")
        session.flush()


def require_queued(run: Run) -> None:
    """Refuse to work on a run that does not wait for that.

    Raises:
        Conflict: It was cancelled, or is taken by another.
    """
    if run.state != RunState.QUEUED:
        raise Conflict(
            f"run {run.id} does not wait to be worked on: it is {run.state}",
            remedy="See: sdxl-reg runs",
        )


def follow(
    engine: Engine, run_id: int, happenings: Generator[events.Event], handle: Handler
) -> None:
    """Record what a job says until it ends.

    The process that calls this is the run's: when it is gone, the run is lost. What the job had
    finished by then is recorded and stays. A run that another process cancels ends at the next
    event that is recorded.

    Args:
        engine: The database; every event is a transaction of its own.
        run_id: The run.
        happenings: The events, as `jobs.local.run_job` yields them.
        handle: Called with every event, before the end of the run is recorded.

    Raises:
        Conflict: The run does not wait to be worked on: it was cancelled, or taken by another.
        RunFailed: The job failed, or ended without saying that it finished.
        KeyboardInterrupt: The user interrupted; the run is then recorded as cancelled.
    """
    _begin(engine, run_id)
    last: events.Event | None = None
    recorded_at = now()
    try:
        with closing(happenings):  # ends the job's process, whatever happens here
            for last in happenings:
                is_due = now() - recorded_at > HEARTBEAT_INTERVAL
                is_to_end = False
                if is_due or isinstance(last, events.Started | events.Metric):
                    is_to_end = _record(engine, run_id, last)
                    recorded_at = now()
                handle(last)
                if is_to_end:
                    raise KeyboardInterrupt
    except KeyboardInterrupt:
        _finish(engine, run_id, RunState.CANCELLED, "interrupted by the user")
        raise
    except BaseException as error:
        _finish(engine, run_id, RunState.FAILED, str(error))
        raise
    if not isinstance(last, events.Finished):
        fault = last.message if isinstance(last, events.Failed) else "it ended without saying why"
        _finish(engine, run_id, RunState.FAILED, fault)
        raise RunFailed(run_id, fault, remedy=f"Its log: sdxl-reg run logs {run_id}")
    _finish(engine, run_id, RunState.SUCCEEDED, None)


def metrics_of(session: Session, run: Run) -> dict[str, list[tuple[int, float]]]:
    """The numbers a run reported: name → (step, value), in order."""
    found: dict[str, list[tuple[int, float]]] = {}
    query = select(RunMetric).where(RunMetric.run_id == run.id)
    for metric in session.scalars(query.order_by(RunMetric.name, RunMetric.step, RunMetric.id)):
        found.setdefault(metric.name, []).append((metric.step, metric.value))
    return found


def _begin(engine: Engine, run_id: int) -> None:
    with transaction(engine) as session:
        run = find_run(session, run_id)
        require_queued(run)
        before = last_attempt(session, run)
        run.state = RunState.RUNNING
        run.started_at = run.started_at or now()
        run.finished_at = run.error = None
        session.add(
            RunAttempt(
                run_id=run_id,
                number=before.number + 1 if before else 1,
                host=socket.gethostname(),
                pid=os.getpid(),
                heartbeat_at=now(),
            )
        )
        note(session, "run.started", f"run {run_id}")


def _record(engine: Engine, run_id: int, event: events.Event) -> bool:
    """Record what a job said; whether its run was cancelled meanwhile."""
    with transaction(engine) as session:
        run = find_run(session, run_id)
        attempt = last_attempt(session, run)
        if attempt is not None:
            attempt.heartbeat_at = now()
        if isinstance(event, events.Started):
            run.packages = dict(event.packages)
        if isinstance(event, events.Metric):
            if attempt is not None and attempt.number > 1:
                _forget_metrics(session, run_id, event)
            session.add_all(
                RunMetric(run_id=run_id, step=event.step, name=name, value=value)
                for name, value in event.values.items()
                if not math.isnan(value)  # SQLite has none
            )
        return run.state == RunState.CANCELLING and not isinstance(event, events.Finished)


def _forget_metrics(session: Session, run_id: int, event: events.Metric) -> None:
    """What an earlier attempt said of a step that was done again."""
    session.execute(
        delete(RunMetric).where(
            RunMetric.run_id == run_id,
            RunMetric.step == event.step,
            RunMetric.name.in_(event.values),
        )
    )


def _finish(engine: Engine, run_id: int, state: RunState, error: str | None) -> None:
    exit_code = {RunState.SUCCEEDED: 0, RunState.CANCELLED: 130}.get(state, 1)
    with transaction(engine) as session:
        _end(session, find_run(session, run_id), state, error, exit_code=exit_code)


def _end(
    session: Session, run: Run, state: RunState, error: str | None, *, exit_code: int | None
) -> None:
    run.state = state
    run.error = error
    run.finished_at = now()
    attempt = last_attempt(session, run)
    if attempt is not None and attempt.finished_at is None:
        attempt.finished_at = now()
        attempt.exit_code = exit_code
    note(session, f"run.{state}", f"run {run.id}", error=error)
    session.flush()


def _is_alive(attempt: RunAttempt) -> bool:
    if now() - attempt.heartbeat_at > SILENCE_LIMIT:
        return False
    if attempt.host != socket.gethostname():
        return True
    try:
        os.kill(attempt.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
