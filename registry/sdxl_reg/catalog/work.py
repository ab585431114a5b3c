"""Runs of every kind as work: what was planned and can be carried out, and how to go on with it."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Engine, select

from sdxl_reg.catalog import generations, grids, training
from sdxl_reg.catalog.runs import find_run
from sdxl_reg.errors import Conflict
from sdxl_reg.jobs.events import Event
from sdxl_reg.jobs.local import Starter, fresh_process
from sdxl_reg.settings import Settings
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import reading
from sdxl_reg.tables import Generation, Grid
from sdxl_reg.vocabulary import RunKind, RunState

RESUMABLE = frozenset({RunKind.TRAIN, RunKind.GENERATE, RunKind.GRID})
"""Kinds of runs that can be gone on with."""
STOPPED = frozenset({RunState.FAILED, RunState.CANCELLED, RunState.LOST})
"""How runs stand that can be gone on with, besides those that wait and nobody begins."""
Planned = training.PlannedTraining | generations.PlannedGeneration | grids.PlannedGrid


@dataclass(frozen=True, kw_only=True)
class Work:
    """A run that is recorded and can be carried out.

    Attributes:
        run_id: Its number.
        carry_out: Does it, to its end or until the event is set by another thread; what goes wrong
            is recorded with the run, and raised.
    """

    run_id: int
    carry_out: Callable[[threading.Event], object]


def work_of(
    engine: Engine,
    store: BlobStore,
    settings: Settings,
    planned: Planned,
    *,
    start: Starter = fresh_process,
) -> Work:
    """What is planned as work, of whatever kind; a grid looks at its turn what is left to draw.

    Args:
        engine: The database.
        store: The blobs.
        settings: Where runs lie.
        planned: The run.
        start: Starts the process of its job.
    """

    def carry_out(stop: threading.Event) -> None:
        match planned:
            case training.PlannedTraining():
                training.carry_out(engine, store, planned, _unheard, stop=stop, start=start)
            case generations.PlannedGeneration():
                generations.carry_out_generation(
                    engine, store, planned, _unheard, stop=stop, start=start
                )
            case grids.PlannedGrid():
                left = grids.in_turn(engine, store, settings, planned)
                grids.carry_out(engine, store, left, _unheard, stop=stop, start=start)

    return Work(run_id=planned.run_id, carry_out=carry_out)


def planned_again(engine: Engine, store: BlobStore, settings: Settings, run_id: int) -> Planned:
    """A run to be gone on with, whatever its kind: what it has made stays.

    Raises:
        NotFound: No such run, or what it needs is not on this machine.
        Conflict: It is at work, has done all it had to, or is of a kind that begins anew.
    """
    with reading(engine) as session:
        run = find_run(session, run_id)
        if run.kind not in RESUMABLE:
            raise Conflict(
                f"run {run_id} begins anew each time",
                remedy=f"Give its command again: sdxl-reg {run.title.partition(':')[0]}",
            )
        generation = session.scalar(select(Generation.id).where(Generation.run_id == run_id))
        grid = session.scalar(select(Grid.id).where(Grid.run_id == run_id))
    if generation is not None:
        return generations.resume_generation(engine, store, settings, generation)
    if grid is not None:
        return grids.resume(engine, store, settings, grid)
    return training.planned_again(engine, settings, run_id)


def _unheard(event: Event) -> None:
    """Nobody listens to the events themselves: readers look at what they leave."""
