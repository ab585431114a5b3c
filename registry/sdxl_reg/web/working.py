"""The work that pages and programs ask for: carried out one run at a time, in a thread of its own.

Trainings, grids and generations share the machine, and so the queue. The thread starts a process
for each, hears what it says and records it, as the command line does. A server that is killed
leaves its runs lost or queued; they can be resumed, there or by another.
"""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from sdxl_reg.catalog import grids, training
from sdxl_reg.catalog.generations import GenerationRequest, plan_generation
from sdxl_reg.catalog.grid_axes import GridRequest
from sdxl_reg.catalog.runs import cancel, find_run
from sdxl_reg.catalog.training import TrainingRequest
from sdxl_reg.catalog.work import Planned, Work, planned_again, work_of
from sdxl_reg.errors import Conflict
from sdxl_reg.jobs.standby import Standby
from sdxl_reg.store.database import reading, transaction
from sdxl_reg.vocabulary import RunState
from sdxl_reg.web.dependencies import Registry


@dataclass(frozen=True)
class _Entry:
    """A run in the queue: what becomes of it, and what ends it."""

    outcome: Future[object]
    stop: threading.Event


class Working:
    """The runs that this server carries out."""

    def __init__(self, registry: Registry) -> None:
        """Take work for a registry; no thread is started before there is some."""
        self._registry = registry
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="working")
        self._queue: dict[int, _Entry] = {}
        self._standby = Standby()
        self._is_closed = False

    def train(self, request: TrainingRequest) -> int:
        """Record a training and carry it out once what was asked for before is done.

        Returns:
            The number of its run. Raises what `training.plan` does.
        """
        registry = self._registry
        self._require_open()
        planned = training.plan(registry.engine, registry.store, registry.settings, request)
        self._submit(planned)
        return planned.run_id

    def draw(self, request: GenerationRequest) -> int:
        """Record a generation and draw it once what was asked for before is done.

        Returns:
            The number of the generation. Raises what `plan_generation` does.
        """
        registry = self._registry
        self._require_open()
        planned = plan_generation(registry.engine, registry.store, registry.settings, request)
        self._submit(planned)
        return planned.generation_id

    def compare(self, request: GridRequest) -> grids.PlannedGrid:
        """Record a grid and draw it once what was asked for before is done.

        Returns:
            What was planned: anew, or the same grid that waits or was not completed. Raises what
            `grids.plan` does.
        """
        registry = self._registry
        self._require_open()
        planned = grids.plan(registry.engine, registry.store, registry.settings, request)
        if not self.holds(planned.run_id):  # the very same one was asked for, and waits here
            self._submit(planned)
        return planned

    def resume(self, run_id: int) -> None:
        """Go on with a run that nobody works on; raises as `work.planned_again`.

        Raises:
            Conflict: It waits here already.
        """
        registry = self._registry
        self._require_open()
        with reading(registry.engine) as session:
            is_queued = find_run(session, run_id).state == RunState.QUEUED
        if is_queued and self.holds(run_id):
            raise Conflict(f"run {run_id} waits already", remedy="It begins when those before end")
        again = planned_again(registry.engine, registry.store, registry.settings, run_id)
        self._submit(again)

    def cancel(self, run_id: int) -> None:
        """Have a run end, whoever works on it; raises as `runs.cancel`."""
        with transaction(self._registry.engine) as session:
            cancel(session, run_id)
        entry = self._queue.get(run_id)
        if entry is not None:
            entry.outcome.cancel()
            entry.stop.set()

    def holds(self, run_id: int) -> bool:
        """Whether this server works on a run, or will."""
        return self.place(run_id) is not None

    def place(self, run_id: int) -> int | None:
        """How many runs come before one; 0 for the one at work, None for what is not held here."""
        with self._lock:
            held = [number for number, entry in self._queue.items() if not entry.outcome.done()]
        return held.index(run_id) if run_id in held else None

    def close(self) -> None:
        """End the process at work, and record what is not done as cancelled; waits for it."""
        with self._lock:
            self._is_closed = True
            for entry in self._queue.values():
                entry.stop.set()
        self._standby.close()
        self._pool.shutdown()

    def _require_open(self) -> None:
        if self._is_closed:
            raise Conflict("the server is shutting down", remedy="Start it again, and resume")

    def _submit(self, planned: Planned) -> None:
        registry = self._registry
        work = work_of(
            registry.engine, registry.store, registry.settings, planned, start=self._standby.start
        )
        with self._lock:
            self._require_open()
            stop = threading.Event()
            self._queue = {
                number: entry
                for number, entry in self._queue.items()
                if number != work.run_id and not entry.outcome.done()
            }
            outcome = self._pool.submit(self._carry_out, work, stop)
            self._queue[work.run_id] = _Entry(outcome, stop)

    def _carry_out(self, work: Work, stop: threading.Event) -> object:
        try:
            return work.carry_out(stop)
        finally:
            self._standby.prepare()  # whoever has had one thing made will ask for another


async def working_of(request: Request) -> Working:
    """What the application works with."""
    working: Working = request.app.state.working
    return working


WorkingOf = Annotated[Working, Depends(working_of)]
