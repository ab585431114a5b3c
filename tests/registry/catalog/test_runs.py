"""Following runs, and noticing those whose process is gone."""

import subprocess
import sys
from collections.abc import Generator
from datetime import timedelta

import pytest
from sqlalchemy import Engine, update

from sdxl_reg.catalog.references import MAIN
from sdxl_reg.catalog.runs import (
    SILENCE_LIMIT,
    cancel,
    find_run,
    follow,
    last_attempt,
    metrics_of,
    new_run,
    requeue,
    runs,
)
from sdxl_reg.errors import Conflict, NotFound, RunFailed
from sdxl_reg.jobs import events
from sdxl_reg.store.database import transaction
from sdxl_reg.tables import RunAttempt
from sdxl_reg.tables.base import now
from sdxl_reg.vocabulary import RunKind, RunState

STARTED = events.Started(pid=1, packages={"torch": "2.13.0"})


@pytest.fixture
def run_id(engine: Engine) -> int:
    """A queued run."""
    with transaction(engine) as session:
        return new_run(
            session, RunKind.TRAIN, "train lora on weipin@1", {"seed": 42}, project=MAIN
        ).id


def _job(*happenings: events.Event) -> Generator[events.Event]:
    yield from happenings


def _state(engine: Engine, run_id: int) -> RunState:
    with transaction(engine) as session:
        return find_run(session, run_id).state


def test_a_finished_job_makes_its_run_succeed_with_its_metrics(engine: Engine, run_id: int) -> None:
    seen: list[str] = []
    metric = events.Metric(step=1, values={"loss": 0.5})
    happenings: list[events.Event] = [STARTED, metric, events.Finished()]
    follow(engine, run_id, _job(*happenings), lambda event: seen.append(event.type))
    assert seen == ["started", "metric", "finished"]
    with transaction(engine) as session:
        run = find_run(session, run_id)
        assert run.state == RunState.SUCCEEDED
        assert run.packages == {"torch": "2.13.0"}
        assert metrics_of(session, run) == {"loss": [(1, 0.5)]}


def test_a_failed_job_makes_its_run_fail_with_its_reason(engine: Engine, run_id: int) -> None:
    failed = events.Failed(code="corrupt", message="the base is torn")
    with pytest.raises(RunFailed, match="the base is torn"):
        follow(engine, run_id, _job(STARTED, failed), lambda event: None)
    assert _state(engine, run_id) == RunState.FAILED


def test_a_job_that_ends_without_a_word_has_failed(engine: Engine, run_id: int) -> None:
    with pytest.raises(RunFailed, match="without saying why"):
        follow(engine, run_id, _job(STARTED), lambda event: None)
    assert _state(engine, run_id) == RunState.FAILED


def test_an_interrupted_run_is_cancelled_and_closes_its_job(engine: Engine, run_id: int) -> None:
    closed: list[bool] = []

    def job() -> Generator[events.Event]:
        try:
            yield STARTED
            raise KeyboardInterrupt
        finally:
            closed.append(True)

    with pytest.raises(KeyboardInterrupt):
        follow(engine, run_id, job(), lambda event: None)
    assert closed == [True]
    assert _state(engine, run_id) == RunState.CANCELLED


def test_a_run_whose_process_is_gone_shows_as_lost(engine: Engine, run_id: int) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    states: list[RunState] = []

    def change_process(event: events.Event) -> None:
        with transaction(engine) as session:
            attempts = update(RunAttempt).where(RunAttempt.run_id == run_id)
            session.execute(attempts.values(pid=gone.pid))
        states.append(_listed(engine, run_id))

    follow(engine, run_id, _job(events.Finished()), change_process)
    assert states == [RunState.LOST]


def test_a_run_that_works_is_not_lost(engine: Engine, run_id: int) -> None:
    states: list[RunState] = []
    follow(
        engine,
        run_id,
        _job(STARTED, events.Finished()),
        lambda event: states.append(_listed(engine, run_id)),
    )
    assert states[0] == RunState.RUNNING


def test_a_run_that_has_been_silent_for_too_long_is_lost(engine: Engine, run_id: int) -> None:
    states: list[RunState] = []

    def fall_silent(event: events.Event) -> None:
        with transaction(engine) as session:
            attempt = last_attempt(session, find_run(session, run_id))
            assert attempt is not None
            attempt.heartbeat_at = now() - SILENCE_LIMIT - timedelta(seconds=1)
        states.append(_listed(engine, run_id))

    follow(engine, run_id, _job(events.Finished()), fall_silent)
    assert states == [RunState.LOST]


def test_a_run_that_waits_is_cancelled_at_once_and_is_not_begun(
    engine: Engine, run_id: int
) -> None:
    with transaction(engine) as session:
        assert cancel(session, run_id).state == RunState.CANCELLED
    with pytest.raises(Conflict, match="does not wait to be worked on: it is cancelled"):
        follow(engine, run_id, _job(STARTED, events.Finished()), lambda event: None)
    with transaction(engine) as session:
        assert last_attempt(session, find_run(session, run_id)) is None
        with pytest.raises(Conflict, match="has ended: it is cancelled"):
            cancel(session, run_id)


def test_a_run_that_works_elsewhere_ends_after_what_it_says_next(
    engine: Engine, run_id: int
) -> None:
    metric = events.Metric(step=1, values={"loss": 0.5})
    heard: list[str] = []

    def handle(event: events.Event) -> None:
        heard.append(event.type)
        if isinstance(event, events.Started):
            with transaction(engine) as session:
                assert cancel(session, run_id).state == RunState.CANCELLING
                assert cancel(session, run_id).state == RunState.CANCELLING

    with pytest.raises(KeyboardInterrupt):
        follow(engine, run_id, _job(STARTED, metric, metric, events.Finished()), handle)
    assert heard == ["started", "metric"]
    assert _state(engine, run_id) == RunState.CANCELLED


def test_a_run_that_was_to_end_and_whose_process_is_gone_is_cancelled(
    engine: Engine, run_id: int
) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    states: list[RunState] = []

    def change_process(event: events.Event) -> None:
        with transaction(engine) as session:
            attempts = update(RunAttempt).where(RunAttempt.run_id == run_id)
            session.execute(attempts.values(pid=gone.pid))
            find_run(session, run_id).state = RunState.CANCELLING
        states.append(_listed(engine, run_id))

    follow(engine, run_id, _job(events.Finished()), change_process)
    assert states == [RunState.CANCELLED]


def test_a_run_that_has_ended_waits_again_and_is_worked_on_once(
    engine: Engine, run_id: int
) -> None:
    with transaction(engine) as session:
        cancel(session, run_id)
        requeue(session, find_run(session, run_id))
        run = find_run(session, run_id)
        assert (run.state, run.error, run.finished_at) == (RunState.QUEUED, None, None)

    def take_it_again(event: events.Event) -> None:
        with transaction(engine) as session, pytest.raises(Conflict, match="still at work"):
            requeue(session, find_run(session, run_id))
        with pytest.raises(Conflict, match="it is running"):
            follow(engine, run_id, _job(events.Finished()), lambda event: None)

    follow(engine, run_id, _job(events.Finished()), take_it_again)
    assert _state(engine, run_id) == RunState.SUCCEEDED


def test_a_number_that_is_none_is_left_out_of_the_curves(engine: Engine, run_id: int) -> None:
    metric = events.Metric(step=1, values={"loss": 0.5, "grad_norm": float("nan")})
    follow(engine, run_id, _job(metric, events.Finished()), lambda event: None)
    with transaction(engine) as session:
        assert metrics_of(session, find_run(session, run_id)) == {"loss": [(1, 0.5)]}


def test_an_unknown_run_is_refused(engine: Engine) -> None:
    with transaction(engine) as session, pytest.raises(NotFound, match="sdxl-reg runs"):
        find_run(session, 99)


def _listed(engine: Engine, run_id: int) -> RunState:
    with transaction(engine) as session:
        return next(run.state for run in runs(session) if run.id == run_id)
