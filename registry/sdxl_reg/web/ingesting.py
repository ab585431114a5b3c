"""The sent folders that this server ingests: two at once, in threads of their own.

They do not wait for trainings, which may take hours; an ingest takes the time of its pictures. What
a server that is killed leaves is told as lost, and can be asked for again, here or of another.
"""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Annotated

from fastapi import Depends, Request

from sdxl_reg.catalog.access.viewers import Viewer
from sdxl_reg.catalog.access.visibility import present_viewer, shown_to
from sdxl_reg.catalog.audit import acting_as
from sdxl_reg.catalog.sent_folders.carrying_out import ask_for, carry_out
from sdxl_reg.catalog.sent_folders.sessions import BUSY, is_quiet
from sdxl_reg.errors import Conflict
from sdxl_reg.tables import Ingest
from sdxl_reg.vocabulary import IngestState
from sdxl_reg.web.dependencies import Registry

_AT_ONCE = 2


class Ingesting:
    """The ingests that this server carries out."""

    def __init__(self, registry: Registry) -> None:
        """Take work for a registry; no thread is started before there is some."""
        self._registry = registry
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(max_workers=_AT_ONCE, thread_name_prefix="ingesting")
        self._work: dict[str, Future[None]] = {}

    def begin(self, key: str, *, files: int) -> None:
        """Have a sent folder ingested as whom the present task acts; raises as `ask_for`.

        Args:
            key: Of the ingest.
            files: How many were announced.

        Raises:
            Conflict: The server is shutting down; or what `ask_for` says.
        """
        with self._lock:
            if self._stop.is_set():
                raise Conflict("the server is shutting down", remedy="Ask again when it is up")
            if not ask_for(self._registry.engine, key, files=files) or self.holds(key):
                return
            self._work = {k: work for k, work in self._work.items() if not work.done()}
            self._work[key] = self._pool.submit(self._carry_out, key, present_viewer())

    def holds(self, key: str) -> bool:
        """Whether this server works on an ingest, or will."""
        work = self._work.get(key)
        return work is not None and not work.done()

    def state_of(self, ingest: Ingest) -> IngestState:
        """How an ingest stands: lost, where nobody has been heard of who was at it."""
        if ingest.state in BUSY and not self.holds(ingest.key) and is_quiet(ingest):
            return IngestState.LOST
        return ingest.state

    def close(self) -> None:
        """End what is at work, as lost; waits until it has noticed."""
        with self._lock:
            self._stop.set()
        self._pool.shutdown(cancel_futures=True)

    def _carry_out(self, key: str, viewer: Viewer | None) -> None:
        registry = self._registry
        with shown_to(viewer), acting_as(viewer.name if viewer else ""):
            carry_out(
                registry.engine,
                registry.store,
                key,
                thumbnails=registry.settings.thumbnails_path,
                stop=self._stop,
            )


def ingesting_of(request: Request) -> Ingesting:
    """What the application ingests with."""
    ingesting: Ingesting = request.app.state.ingesting
    return ingesting


IngestingOf = Annotated[Ingesting, Depends(ingesting_of)]
