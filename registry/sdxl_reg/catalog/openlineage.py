"""The runs of a lineage as OpenLineage events, for catalogs that gather lineage from everywhere.

A run becomes a START and, once it has ended, a COMPLETE, FAIL or ABORT with what it took and gave.
Its UUID follows from its number and the moment it was asked for: the same run has the same one each
time, in a restored registry too. Settings, titles and error messages are left out: they may hold
paths of a machine. What something was frozen from without a run (pictures) has no event.

Source: OpenLineage 2-0-2, openlineage.io/docs/spec/object-model.
"""

import json
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from sdxl_reg import __version__
from sdxl_reg.catalog.ancestry import LineageGraph
from sdxl_reg.catalog.lineage_nodes import GraphNode, recorded_nodes
from sdxl_reg.catalog.portions import portions
from sdxl_reg.tables import LineageEvent, Run
from sdxl_reg.vocabulary import Direction, NodeKind, RunState

NAMESPACE = "sdxl-reg"
"""Where jobs and datasets are, unless somebody tells several registries apart."""
PRODUCER = f"urn:sdxl-reg:{__version__}"
_SPEC = "https://openlineage.io/spec"
_EVENT = f"{_SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent"
_RUNS = uuid.uuid5(uuid.NAMESPACE_URL, "urn:sdxl-reg:run")
_ENDS = {
    RunState.SUCCEEDED: "COMPLETE",
    RunState.FAILED: "FAIL",
    RunState.LOST: "FAIL",
    RunState.CANCELLED: "ABORT",
}


@dataclass(frozen=True, kw_only=True)
class _Ends:
    """What a run took and gave."""

    inputs: list[GraphNode] = field(default_factory=list)
    outputs: list[GraphNode] = field(default_factory=list)


def openlineage_events(
    session: Session, graph: LineageGraph, *, namespace: str = NAMESPACE
) -> list[dict[str, Any]]:
    """The events of the runs of a lineage, in the order they happened.

    Args:
        session: The transaction.
        graph: The lineage; each of its runs is told of with all that it took and gave.
        namespace: Of jobs and datasets.

    Returns:
        JSON documents. A run that waits to be started has none, one that works only its START.
    """
    ends = _ends_of(session, [run.id for run in graph.runs])
    events = [
        event
        for run in graph.runs
        for event in _events_of(run, ends.get(run.id, _Ends()), namespace)
    ]
    return sorted(events, key=lambda event: str(event["eventTime"]))


def as_lines(events: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Each event as a line of JSON."""
    for event in events:
        yield json.dumps(event, ensure_ascii=False) + "\n"


def run_uuid(run: Run) -> uuid.UUID:
    """The id of a run among all runs of all registries."""
    return uuid.uuid5(_RUNS, f"{run.id} {run.kind} {_text_of(run.created_at)}")


def _events_of(run: Run, ends: _Ends, namespace: str) -> Iterator[dict[str, Any]]:
    if run.state == RunState.QUEUED:
        return
    began = run.started_at or run.created_at
    yield _event("START", began, run, ends, namespace=namespace)
    if run.state in _ENDS:
        ended = run.finished_at or began
        yield _event(_ENDS[run.state], ended, run, ends, namespace=namespace)


def _event(kind: str, moment: datetime, run: Run, ends: _Ends, *, namespace: str) -> dict[str, Any]:
    outputs = [] if kind == "START" else ends.outputs
    return {
        "eventType": kind,
        "eventTime": _text_of(moment),
        "producer": PRODUCER,
        "schemaURL": _EVENT,
        "run": {"runId": str(run_uuid(run))},
        "job": {
            "namespace": namespace,
            "name": _job_name(run, ends),
            "facets": {
                "jobType": _facet(
                    "facets/2-0-4/JobTypeJobFacet",
                    {
                        "processingType": "BATCH",
                        "integration": "SDXL_REG",
                        "jobType": str(run.kind).upper(),
                    },
                )
            },
        },
        "inputs": [_dataset(node, namespace) for node in ends.inputs],
        "outputs": [_dataset(node, namespace) for node in outputs],
    }


def _job_name(run: Run, ends: _Ends) -> str:
    """What is done again and again: `train.lora.weipin-lora`."""
    named = [node for node in ends.outputs if node.kind == NodeKind.ARTIFACT]
    named += [node for node in ends.inputs if node.kind == NodeKind.DATASET]
    words = [str(run.kind), run.trainer or "", _name(named[0]) if named else ""]
    return ".".join(word for word in words if word)


def _dataset(node: GraphNode, namespace: str) -> dict[str, Any]:
    facets = {
        "documentation": _facet(
            "facets/1-1-0/DocumentationDatasetFacet", {"description": f"{node.kind} {node.ref}"}
        )
    }
    if digest := node.facts.get("digest"):
        facets["version"] = _facet(
            "facets/1-0-1/DatasetVersionDatasetFacet", {"datasetVersion": digest}
        )
    return {"namespace": namespace, "name": f"{node.kind}/{_name(node)}", "facets": facets}


def _facet(schema: str, facts: dict[str, Any]) -> dict[str, Any]:
    name = schema.rpartition("/")[2]
    return {"_producer": PRODUCER, "_schemaURL": f"{_SPEC}/{schema}.json#/$defs/{name}", **facts}


def _name(node: GraphNode) -> str:
    """What all versions of something are called."""
    return node.ref.partition("@")[0]


def _ends_of(session: Session, run_ids: Sequence[int]) -> dict[int, _Ends]:
    """Number of a run → what it took and gave; what is not seen is left out."""
    rows = [
        (event.run_id, event.node_id, event.direction)
        for some in portions(run_ids)
        for event in session.scalars(
            select(LineageEvent).where(LineageEvent.run_id.in_(some)).order_by(LineageEvent.id)
        )
    ]
    nodes = recorded_nodes(session, (node for _, node, _ in rows))
    ends: dict[int, _Ends] = {run_id: _Ends() for run_id in run_ids}
    for run_id, node, direction in dict.fromkeys(rows):
        if node in nodes:
            side = ends[run_id].inputs if direction == Direction.INPUT else ends[run_id].outputs
            side.append(nodes[node])
    return ends


def _text_of(moment: datetime) -> str:
    """A moment as RFC 3339 writes it, always to the microsecond: so texts sort by time."""
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
