"""What happens in a run, as it happens: server-sent events.

FastAPI's own (`fastapi.sse`): it encodes, documents and keeps alive, and needs no other package.
Between two looks a stream holds neither a thread nor a connection, and each look finds out anew who
asks and whether they see the run.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Annotated, TypeVar

import anyio
from fastapi import APIRouter, Depends, Header, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from sdxl_reg.catalog.access.visibility import shown_to
from sdxl_reg.catalog.lineage_nodes import refs_of
from sdxl_reg.catalog.run_progress import said_since
from sdxl_reg.catalog.runs import find_run
from sdxl_reg.errors import NotFound, NotSignedIn
from sdxl_reg.store.database import reading
from sdxl_reg.tables import LineageEvent, Run, RunMetric, RunSample
from sdxl_reg.vocabulary import Direction, RunState
from sdxl_reg.web.api.runs import notice_lost
from sdxl_reg.web.dependencies import Registry, RegistryOf, SessionOf
from sdxl_reg.web.identity import viewer_in
from sdxl_reg.web.schemas.base import Number
from sdxl_reg.web.schemas.run_events import Bulletin, Place, read_place
from sdxl_reg.web.streams import StreamsOf

PAUSE_S = 0.5
_MOST = 500

_Row = TypeVar("_Row", RunMetric, RunSample, LineageEvent)


def is_seen(session: SessionOf, run_id: Number) -> None:
    """Refuse, before a stream begins, what is not there; raises as `find_run`."""
    find_run(session, run_id)


router = APIRouter(prefix="/runs", tags=["runs"])


@router.get(
    "/{run_id}/events",
    summary="What happens in a run, as it happens",
    response_class=EventSourceResponse,
    dependencies=[Depends(is_seen)],
)
async def events(
    request: Request,
    registry: RegistryOf,
    streams: StreamsOf,
    run_id: Number,
    last_event_id: Annotated[
        str, Header(description="`id` of the last event that was heard; those after it follow.")
    ] = "",
) -> AsyncIterator[ServerSentEvent]:
    """Server-sent events, from the beginning or from `Last-Event-ID` on, until the run has ended.

    `state` (`state`, `is_final`, `error`) whenever it changes, and last; `progress` (`what`,
    `done`, `total`, `loss`, `remaining_s`); `metric` (`step`, `values`); `sample` (`step`,
    `prompt`, `url`); `version`, `grid` or `generation` (`ref`) for what it gave; `message`
    (`text`). A stream without news sends a comment every 15 seconds.
    """
    place, told = read_place(last_event_id), None
    while not streams.is_closing:
        found = await run_in_threadpool(_look, request, registry, run_id, place, told)
        if found is None:
            return
        for event in found.bulletin.events:
            yield event
        place, told = found.bulletin.place, found.state
        if found.is_all and found.state.is_final:
            return
        if found.is_all:
            await anyio.sleep(PAUSE_S)


@dataclass(frozen=True, kw_only=True)
class _Found:
    """What a look found.

    Attributes:
        bulletin: What has happened, and the place after it.
        state: Of the run.
        is_all: Whether nothing more was there.
    """

    bulletin: Bulletin
    state: RunState
    is_all: bool


def _look(
    request: Request, registry: Registry, run_id: int, place: Place, told: RunState | None
) -> _Found | None:
    """What has happened since; None for those who do not see the run any more."""
    notice_lost(registry)
    try:
        viewer = viewer_in(request)
        with shown_to(viewer), reading(registry.engine) as session:
            found = _found(session, registry, find_run(session, run_id), place, told)
        if found.bulletin.events and viewer_in(request) != viewer:
            return _look(request, registry, run_id, place, told)  # it was read as for before
        return found
    except (NotSignedIn, NotFound):
        return None


def _found(
    session: Session, registry: Registry, run: Run, place: Place, told: RunState | None
) -> _Found:
    metrics = _rows(session, RunMetric, run, place.metric)
    samples = _rows(session, RunSample, run, place.sample)
    is_output = LineageEvent.direction == Direction.OUTPUT
    outputs = _rows(session, LineageEvent, run, place.output, is_output)
    said = said_since(registry.settings, run.id, attempt=place.attempt, position=place.position)
    bulletin = Bulletin(place)
    if run.state != told and not run.state.is_final:
        bulletin.add_state(run)
    bulletin.add_metrics(metrics)
    bulletin.add_samples(samples)
    bulletin.add_outputs(outputs, refs_of(session, [row.node_id for row in outputs]))
    bulletin.add_said(said)
    is_all = max(len(metrics), len(samples), len(outputs)) < _MOST
    if is_all and run.state.is_final:
        bulletin.add_state(run)
    return _Found(bulletin=bulletin, state=run.state, is_all=is_all)


def _rows(
    session: Session, table: type[_Row], run: Run, after: int, *only: ColumnElement[bool]
) -> Sequence[_Row]:
    query = select(table).where(table.run_id == run.id, table.id > after, *only)
    return session.scalars(query.order_by(table.id).limit(_MOST)).all()
