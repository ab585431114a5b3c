"""Runs: the queue and what was done before, and one with its numbers, pictures and log."""

import functools

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from sdxl_reg.catalog.list_filters import RUN_FIELDS
from sdxl_reg.catalog.paging import MAX_LIMIT, Slice
from sdxl_reg.catalog.run_details import log_tail
from sdxl_reg.catalog.runs import find_run, runs_page
from sdxl_reg.vocabulary import NodeKind, Role, RunState
from sdxl_reg.web.api.runs import notice_lost
from sdxl_reg.web.charts import chart_of
from sdxl_reg.web.dependencies import FilteredSliceOf, RegistryOf, SessionOf
from sdxl_reg.web.graph_folding import page_of_node
from sdxl_reg.web.list_pages import filtered_page
from sdxl_reg.web.roles import may
from sdxl_reg.web.run_views import live_document, live_item, seconds_of
from sdxl_reg.web.schemas.base import Number
from sdxl_reg.web.schemas.runs import RunItem, SlotItem
from sdxl_reg.web.templating import render
from sdxl_reg.web.working import WorkingOf

router = APIRouter(prefix="/runs", dependencies=[Depends(notice_lost)])

_LOG_BYTES = 16_000
_FIRST = ("loss", "validation_loss")
_ENDED = [state for state in RunState if state.is_final]
_GOING_ON = [state for state in RunState if not state.is_final]


@router.get("")
def listed(
    request: Request,
    session: SessionOf,
    registry: RegistryOf,
    working: WorkingOf,
    part: FilteredSliceOf,
) -> Response:
    """The runs at work, those that wait in their order, and those that have ended, filtered."""
    going_on = runs_page(session, Slice(limit=MAX_LIMIT), states=_GOING_ON).items
    ended_page = functools.partial(runs_page, states=_ENDED)
    page, box = filtered_page(session, part, ended_page, RUN_FIELDS)
    open_runs = [live_item(run, registry, working) for run in reversed(going_on)]
    ended = [live_item(run, registry, working) for run in page.items]
    facts = {
        "at_work": [(run, seconds_of(run)) for run in open_runs if run.state != RunState.QUEUED],
        "waiting": sorted((run for run in open_runs if run.state == RunState.QUEUED), key=_turn),
        "ended": [(run, seconds_of(run)) for run in ended],
        "next": page.next,
        **box,
    }
    return render(request, "runs.html", facts, status=box["status"])


@router.get("/{run_id}")
def one(
    request: Request, session: SessionOf, registry: RegistryOf, working: WorkingOf, run_id: Number
) -> Response:
    """A run: how it stands, what it took and gave, its curves and the end of its log."""
    run = live_document(session, run_id, registry, working)
    names = sorted(run.metrics, key=lambda name: (name not in _FIRST, name))
    charts = [chart_of(name, run.metrics[name]) for name in names]
    config = run.spec.get("config")
    facts = {
        "run": run,
        "seconds": seconds_of(run),
        "settings": config if isinstance(config, dict) else run.spec,
        "inputs": [_linked(slot) for slot in run.inputs],
        "outputs": [_linked(slot) for slot in run.outputs],
        "charts": [chart for chart in charts if chart is not None],
        "log": log_tail(registry.settings, run_id, max_bytes=_LOG_BYTES),
        "may_work": may(Role.TRAINER, find_run(session, run_id).project),
        "is_live": not run.state.is_final,
    }
    return render(request, "run.html", facts)


def _turn(run: RunItem) -> tuple[bool, int]:
    """Runs that are held here in their turn, then those that nobody here begins."""
    return run.place is None, run.place if run.place is not None else run.id


def _linked(slot: SlotItem) -> dict[str, str]:
    kind, _, ref = slot.ref.partition(":")
    title = f"{kind} {ref}" if kind in (NodeKind.GRID, NodeKind.GENERATION) else ref
    return {"slot": slot.slot, "kind": kind, "ref": title, "href": page_of_node(kind, ref)}
