"""Checks and collections that pages and programs ask for: one at a time, in a thread of its own.

A check that is not done soon goes on while its caller is told how far it is; what it finds is kept
in the log. A server that ends drops the check that it is at: it only reads.
"""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from time import monotonic
from typing import Annotated

from fastapi import Depends, Request

from sdxl_reg.catalog.audit import acting_as
from sdxl_reg.catalog.integrity.check import check
from sdxl_reg.catalog.integrity.collect import Garbage, collect, garbage
from sdxl_reg.catalog.integrity.history import Finding, finding_of, keep_finding
from sdxl_reg.catalog.sent_folders.sessions import sweep_ingests
from sdxl_reg.catalog.uploads import sweep_uploads
from sdxl_reg.errors import Conflict
from sdxl_reg.tables import now
from sdxl_reg.web.dependencies import Registry


@dataclass(frozen=True, kw_only=True)
class Looking:
    """A check that is going on, or one that could not be ended.

    Attributes:
        since: When it was asked for.
        by: Who did; empty where nobody has to sign in.
        is_deep: Whether every byte is read.
        done: Blobs that were looked at.
        total: All of them; 0 until they are counted.
        error: Why it ended without a finding; empty while it goes on.
    """

    since: datetime
    by: str
    is_deep: bool
    done: int = 0
    total: int = 0
    error: str = ""


class Upkeep:
    """The check and the collection that this server carries out."""

    def __init__(self, registry: Registry) -> None:
        """Take work for a registry; no thread is started before there is some."""
        self._registry = registry
        self._stop = threading.Event()
        self._lock = threading.Lock()  # held while a check begins or a collection is made
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="upkeep")
        self._work: Future[Finding] | None = None
        self._begun: Looking | None = None
        self._far = (0, 0)

    def check(self, *, by: str, is_deep: bool, wait_s: float) -> Looking | Finding:
        """Compare rows with bytes.

        Args:
            by: Who asks.
            is_deep: Read every byte instead of comparing lengths.
            wait_s: What is not done after so many seconds goes on by itself.

        Returns:
            What was found, or that it goes on.

        Raises:
            Conflict: Another check or collection is going on.
        """
        with self._alone():
            self._begun = begun = Looking(since=now(), by=by, is_deep=is_deep)
            self._far = (0, 0)
            self._work = work = self._pool.submit(self._look, begun)
        wait([work], wait_s)
        return work.result() if work.done() else begun

    def present(self) -> Looking | Finding | None:
        """The check that goes on, or what the last one of this server came to; None before it."""
        work, begun = self._work, self._begun
        if work is None or begun is None:
            return None
        if not work.done():
            done, total = self._far
            return replace(begun, done=done, total=total)
        error = work.exception()
        return work.result() if error is None else replace(begun, error=str(error))

    def collect(self, grace: timedelta) -> tuple[Garbage, Garbage]:
        """Remove what nothing needs, and what was sent and nobody has gone on with for a week.

        Args:
            grace: What is younger stays.

        Returns:
            What was garbage, and what of it was removed.

        Raises:
            Conflict: A check or another collection is going on.
        """
        registry = self._registry
        with self._alone():
            sweep_uploads(registry.engine, registry.store)
            sweep_ingests(registry.engine, registry.store)
            found = garbage(registry.engine, registry.store, grace)
            return found, collect(registry.engine, registry.store, found, grace, _unheard)

    def close(self) -> None:
        """Drop the check that is going on; waits until it has noticed."""
        self._stop.set()
        self._pool.shutdown()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        is_free = self._lock.acquire(blocking=False)
        try:
            if not is_free or (self._work is not None and not self._work.done()):
                raise Conflict(
                    "a check or a collection is going on", remedy="Wait for it: GET /api/v1/storage"
                )
            yield
        finally:
            if is_free:
                self._lock.release()

    def _look(self, begun: Looking) -> Finding:
        registry, began = self._registry, monotonic()
        report = check(registry.engine, registry.store, self._heard, quick=not begun.is_deep)
        seconds = monotonic() - began
        found = finding_of(report, by=begun.by, is_deep=begun.is_deep, seconds=seconds)
        with acting_as(begun.by):
            keep_finding(registry.engine, found)
        return found

    def _heard(self, done: int, total: int, _: str) -> None:
        self._far = (done, total)
        if self._stop.is_set():
            raise Conflict("the server is shutting down", remedy="Check again when it is up")


def _unheard(_done: int, _total: int, _what: str) -> None:
    """Nobody waits for the parts of a collection: its caller waits for the whole."""


async def upkeep_of(request: Request) -> Upkeep:
    """What the application looks after its registry with."""
    upkeep: Upkeep = request.app.state.upkeep
    return upkeep


UpkeepOf = Annotated[Upkeep, Depends(upkeep_of)]
