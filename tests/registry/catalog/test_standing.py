"""What is being worked on, and how much there is to be seen."""

from sqlalchemy import Engine

from sdxl_reg.catalog.runs import new_run
from sdxl_reg.catalog.standing import at_work, held
from sdxl_reg.store.database import reading, transaction
from sdxl_reg.vocabulary import RunKind, RunState


def _run(engine: Engine, state: RunState) -> int:
    with transaction(engine) as session:
        run = new_run(session, RunKind.TRAIN, f"a run {state}", {}, project="main")
        run.state = state
        return run.id


def test_work_comes_before_what_waits_and_what_is_over_is_left_out(engine: Engine) -> None:
    waits = _run(engine, RunState.QUEUED)
    _run(engine, RunState.SUCCEEDED)
    works = _run(engine, RunState.RUNNING)
    with reading(engine) as session:
        assert [run.id for run in at_work(session, limit=5)] == [works, waits]
        assert [run.id for run in at_work(session, limit=1)] == [works]
        assert held(session) == {"artifacts": 0, "grids": 0, "generations": 0, "runs": 3}
