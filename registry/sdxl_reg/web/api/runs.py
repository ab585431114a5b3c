"""Runs: what was done, how it stands, what it said."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import PlainTextResponse

from sdxl_reg.catalog.access.visibility import shown_to
from sdxl_reg.catalog.audit import acting_as
from sdxl_reg.catalog.run_details import log_tail, run_document
from sdxl_reg.catalog.runs import find_run, lost_runs, mark_lost, runs_page
from sdxl_reg.store.database import reading, transaction
from sdxl_reg.web.dependencies import RegistryOf, SessionOf, SliceOf
from sdxl_reg.web.schemas.base import Items, Number, items_of
from sdxl_reg.web.schemas.runs import RunDocument, RunItem, run_document_of, run_item

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


@router.get("", summary="List the runs")
def listed(session: SessionOf, part: SliceOf) -> Items[RunItem]:
    """Every run, newest first; one whose process is gone is `lost`."""
    return items_of(runs_page(session, part), run_item)


@router.get("/{run_id}", summary="One run with its metrics")
def one(session: SessionOf, run_id: Number) -> RunDocument:
    """A run with its settings, what it took and gave, and every number it reported."""
    return run_document_of(run_document(session, run_id))


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
