"""Generations that pages and programs ask for: carried out one at a time, in a thread of its own.

The thread starts a process for each, hears what it says and records it, as the command line does.
A server that is killed leaves its runs lost or queued; they can be resumed.
"""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Annotated

from fastapi import Depends, Request

from sdxl_reg.catalog.generations import (
    GenerationRequest,
    PlannedGeneration,
    carry_out_generation,
    plan_generation,
    resume_generation,
)
from sdxl_reg.errors import Conflict
from sdxl_reg.jobs.events import Event
from sdxl_reg.web.dependencies import Registry


class Drawing:
    """The generations that this server carries out."""

    def __init__(self, registry: Registry) -> None:
        """Take work for a registry; no thread is started before there is some."""
        self._registry = registry
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="drawing")
        self._work: dict[int, Future[None]] = {}

    def begin(self, request: GenerationRequest) -> int:
        """Record a generation and draw it once those before it are done.

        Returns:
            Its number. Raises what `plan_generation` does.
        """
        registry = self._registry
        planned = plan_generation(registry.engine, registry.store, registry.settings, request)
        with self._lock:
            self._submit(planned)
        return planned.generation_id

    def resume(self, generation_id: int) -> None:
        """Go on with a generation that nobody draws.

        Raises:
            NotFound: There is none of that number.
            Conflict: It is being drawn, waits for it here, or is complete.
        """
        registry = self._registry
        with self._lock:
            if self.holds(generation_id):
                raise Conflict(
                    f"generation {generation_id} is being drawn", remedy="Wait for its pictures"
                )
            planned = resume_generation(
                registry.engine, registry.store, registry.settings, generation_id
            )
            self._submit(planned)

    def holds(self, generation_id: int) -> bool:
        """Whether this server draws a generation, or will."""
        work = self._work.get(generation_id)
        return work is not None and not work.done()

    def close(self) -> None:
        """End the process that draws, and record what is not done as cancelled; waits for it."""
        self._stop.set()
        self._pool.shutdown()

    def _submit(self, planned: PlannedGeneration) -> None:
        if self._stop.is_set():
            raise Conflict("the server is shutting down", remedy="Start it again, and resume")
        registry = self._registry
        self._work[planned.generation_id] = self._pool.submit(
            carry_out_generation,  # what goes wrong is recorded with its run
            registry.engine,
            registry.store,
            planned,
            _heard,
            stop=self._stop,
        )


def _heard(event: Event) -> None:
    """Nobody listens to the events themselves: readers look at what they leave."""


def drawing_of(request: Request) -> Drawing:
    """What the application draws with."""
    drawing: Drawing = request.app.state.drawing
    return drawing


DrawingOf = Annotated[Drawing, Depends(drawing_of)]
