"""Runs: what was done, how it stands, what it said."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import PlainTextResponse

from sdxl_reg.catalog.access.visibility import shown_to
from sdxl_reg.catalog.audit import acting_as
from sdxl_reg.catalog.run_details import log_tail
from sdxl_reg.catalog.runs import find_run, lost_runs, mark_lost, runs_page
from sdxl_reg.store.database import reading, transaction
from sdxl_reg.tables import Run
from sdxl_reg.vocabulary import Role, RunKind, RunState
from sdxl_reg.web.dependencies import FilteredSliceOf, Registry, RegistryOf, SessionOf
from sdxl_reg.web.roles import needs, of_run
from sdxl_reg.web.run_views import live_document, live_item
from sdxl_reg.web.schemas.base import Items, Number, items_of
from sdxl_reg.web.schemas.run_requests import TrainingBody, training_request
from sdxl_reg.web.schemas.runs import RunDocument, RunItem
from sdxl_reg.web.working import Working, WorkingOf

MAX_LOG_BYTES = 4 << 20


def notice_lost(registry: RegistryOf) -> None:
    """Mark runs whose process is gone; the database is only written to when there is one."""
    with shown_to(None), acting_as(""):  # whoever asks, it is the server that notices
        with reading(registry.engine) as session:
            is_any = bool(lost_runs(session))
        if is_any:
            with transaction(registry.engine) as session:
                mark_lost(session)


router = APIRouter(prefix="/runs", tags=["runs"], dependencies=[Depends(notice_lost)])
_TRAINER = needs(Role.TRAINER, of_run)


@router.get("", summary="List the runs")
def listed(
    session: SessionOf,
    registry: RegistryOf,
    working: WorkingOf,
    part: FilteredSliceOf,
    state: Annotated[
        list[RunState] | None, Query(description="Only runs that stand so; several may be given.")
    ] = None,
    kind: Annotated[
        list[RunKind] | None, Query(description="Only runs that do this; several may be given.")
    ] = None,
) -> Items[RunItem]:
    """Every run, newest first, with how far it is; one whose process is gone is `lost`.

    `filter` knows title, kind, state, trainer, project and created: `kind:train AND *weipin*`.
    """

    def item(run: Run) -> RunItem:
        return live_item(run, registry, working)

    return items_of(runs_page(session, part, states=state or (), kinds=kind or ()), item)


@router.post(
    "",
    summary="Train an artifact",
    status_code=HTTPStatus.ACCEPTED,
    dependencies=[needs(Role.TRAINER)],
)
def begin(
    response: Response, registry: RegistryOf, working: WorkingOf, body: TrainingBody
) -> RunDocument:
    """Answers at once with the run and its `Location`; every saved epoch becomes a version.

    The image set is frozen as it is now, unless a frozen version is named. Runs are carried out one
    at a time; the next ones wait. It takes a trainer of the project of the data set, to which the
    artifact will belong. Every fault of a request is told at once.
    """
    with reading(registry.engine) as session:
        request = training_request(session, body)
    return _located(response, registry, working, working.train(request))


@router.get("/{run_id}", summary="One run with its metrics")
def one(
    session: SessionOf, registry: RegistryOf, working: WorkingOf, run_id: Number
) -> RunDocument:
    """A run with its settings, what it took and gave, and every number it reported."""
    return live_document(session, run_id, registry, working)


@router.post(
    "/{run_id}/cancel",
    summary="End a run",
    status_code=HTTPStatus.ACCEPTED,
    dependencies=[_TRAINER],
)
def cancel(
    response: Response, registry: RegistryOf, working: WorkingOf, run_id: Number
) -> RunDocument:
    """One that waits is `cancelled` at once, one at work is `cancelling` until its process ends.

    Whoever works on it: this server, another one, or a command. What it made stays, and it can be
    resumed. Send `{}`.
    """
    working.cancel(run_id)
    return _located(response, registry, working, run_id)


@router.post(
    "/{run_id}/resume",
    summary="Go on with a run",
    status_code=HTTPStatus.ACCEPTED,
    dependencies=[_TRAINER],
)
def resume(
    response: Response, registry: RegistryOf, working: WorkingOf, run_id: Number
) -> RunDocument:
    """Goes on with a training, a grid or a generation that failed, was ended or was lost.

    A training goes on from its last saved state; drawing draws what is missing. Send `{}`.
    """
    working.resume(run_id)
    return _located(response, registry, working, run_id)


@router.get("/{run_id}/log", summary="The log of a run", response_class=PlainTextResponse)
def log(
    session: SessionOf,
    registry: RegistryOf,
    run_id: Number,
    tail_bytes: Annotated[
        int, Query(ge=1, le=MAX_LOG_BYTES, description="At most so much, from its end.")
    ] = MAX_LOG_BYTES,
) -> PlainTextResponse:
    """The end of what its process wrote; empty when it has not started on this machine."""
    run = find_run(session, run_id)
    return PlainTextResponse(log_tail(registry.settings, run.id, max_bytes=tail_bytes))


def _located(response: Response, registry: Registry, working: Working, run_id: int) -> RunDocument:
    with reading(registry.engine) as session:
        document = live_document(session, run_id, registry, working)
    response.headers["Location"] = document.url
    return document
