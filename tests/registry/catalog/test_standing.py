"""What is being worked on, and how far it is."""

from sqlalchemy import Engine

from sdxl_reg.catalog.runs import new_run
from sdxl_reg.catalog.standing import Standing, at_work, held, standing
from sdxl_reg.store.database import reading, transaction
from sdxl_reg.tables import Run, RunMetric
from sdxl_reg.vocabulary import RunKind, RunState


def _run(engine: Engine, kind: RunKind, state: RunState = RunState.RUNNING) -> int:
    with transaction(engine) as session:
        run = new_run(session, kind, f"{kind} {state}", {}, project="main")
        run.state = state
        return run.id


def _standing(engine: Engine, run_id: int) -> Standing | None:
    with reading(engine) as session:
        return standing(session, session.get_one(Run, run_id))


def test_work_comes_before_what_waits_and_what_is_over_is_left_out(engine: Engine) -> None:
    waits = _run(engine, RunKind.TRAIN, RunState.QUEUED)
    _run(engine, RunKind.TRAIN, RunState.SUCCEEDED)
    works = _run(engine, RunKind.TRAIN)
    with reading(engine) as session:
        assert [run.id for run, _ in at_work(session, limit=5)] == [works, waits]
        assert [run.id for run, _ in at_work(session, limit=1)] == [works]
        assert held(session) == {"artifacts": 0, "grids": 0, "generations": 0, "runs": 3}


def test_a_training_is_as_far_as_its_last_loss(engine: Engine) -> None:
    run_id = _run(engine, RunKind.TRAIN)
    assert _standing(engine, run_id) is None
    with transaction(engine) as session:
        for step, loss in ((1, 0.5), (2, 0.25)):
            session.add(RunMetric(run_id=run_id, name="loss", step=step, value=loss))
        session.add(RunMetric(run_id=run_id, name="lr", step=3, value=1e-4))
    assert _standing(engine, run_id) == Standing(what="steps", done=2, total=None, loss=0.25)
