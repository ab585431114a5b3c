"""Runs: all of them, and one with its numbers and log."""

from datetime import datetime

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from sdxl_reg.catalog.run_details import log_tail, run_document
from sdxl_reg.catalog.runs import runs_page
from sdxl_reg.tables import now
from sdxl_reg.vocabulary import NodeKind
from sdxl_reg.web.api.runs import notice_lost
from sdxl_reg.web.charts import chart_of
from sdxl_reg.web.dependencies import RegistryOf, SessionOf, SliceOf
from sdxl_reg.web.graph_folding import page_of_node
from sdxl_reg.web.schemas.base import Number
from sdxl_reg.web.schemas.runs import RunItem, SlotItem, run_document_of, run_item
from sdxl_reg.web.templating import render

router = APIRouter(prefix="/runs", dependencies=[Depends(notice_lost)])

_LOG_BYTES = 16_000


@router.get("")
def listed(request: Request, session: SessionOf, part: SliceOf) -> Response:
    """The runs, newest first."""
    page = runs_page(session, part)
    runs = [run_item(run) for run in page.items]
    facts = {
        "runs": [(run, seconds_of(run)) for run in runs],
        "next": page.next,
        "is_live": any(not run.state.is_final for run in runs),
    }
    return render(request, "runs.html", facts)


@router.get("/{run_id}")
def one(request: Request, session: SessionOf, registry: RegistryOf, run_id: Number) -> Response:
    """A run: how it stands, what it took and gave, its curves and the end of its log."""
    run = run_document_of(run_document(session, run_id))
    charts = [chart_of(name, points) for name, points in run.metrics.items()]
    config = run.spec.get("config")
    facts = {
        "run": run,
        "seconds": seconds_of(run),
        "settings": config if isinstance(config, dict) else run.spec,
        "inputs": [_linked(slot) for slot in run.inputs],
        "outputs": [_linked(slot) for slot in run.outputs],
        "charts": [chart for chart in charts if chart is not None],
        "log": log_tail(registry.settings, run_id, max_bytes=_LOG_BYTES),
        "is_live": not run.state.is_final,
    }
    return render(request, "run.html", facts)


def seconds_of(run: RunItem) -> float | None:
    """How long a run has worked, in seconds; none before it starts."""
    if run.started_at is None:
        return None
    end: datetime = run.finished_at or now()
    return max(0.0, (end - run.started_at).total_seconds())


def _linked(slot: SlotItem) -> dict[str, str]:
    kind, _, ref = slot.ref.partition(":")
    title = f"{kind} {ref}" if kind in (NodeKind.GRID, NodeKind.GENERATION) else ref
    return {"slot": slot.slot, "kind": kind, "ref": title, "href": page_of_node(kind, ref)}
