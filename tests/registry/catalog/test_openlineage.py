"""Runs as OpenLineage events; what the schema of OpenLineage 2-0-2 requires is asked for here."""

import copy
import json
import uuid
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import Engine, select

from sdxl_reg.catalog.access.projects import move
from sdxl_reg.catalog.access.viewers import Viewer
from sdxl_reg.catalog.access.visibility import shown_to
from sdxl_reg.catalog.ancestry import lineage_of
from sdxl_reg.catalog.openlineage import as_lines, openlineage_events
from sdxl_reg.store.database import reading, transaction
from sdxl_reg.tables import Run, now
from sdxl_reg.vocabulary import Role, RunState

REQUIRED = {
    "event": ("eventTime", "producer", "schemaURL", "run", "job"),
    "run": ("runId",),
    "job": ("namespace", "name"),
    "dataset": ("namespace", "name"),
    "facet": ("_producer", "_schemaURL"),
    "version": ("datasetVersion",),
    "jobType": ("processingType", "integration"),
    "documentation": ("description",),
}
KINDS = {"START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"}


@pytest.fixture
def finished(trained: Engine) -> Engine:
    """The registry in which a run has made x-lora@1 and @2 of shop@1, and is done."""
    with transaction(trained) as session:
        for run in session.scalars(select(Run)):
            run.state, run.started_at, run.finished_at = RunState.SUCCEEDED, run.created_at, now()
    return trained


def _parts(event: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object of an event with what it is."""
    yield "event", event
    owners = [("run", event.get("run", {})), ("job", event.get("job", {}))]
    owners += [("dataset", one) for side in ("inputs", "outputs") for one in event.get(side, [])]
    for kind, owner in owners:
        yield kind, owner
        for name, facet in owner.get("facets", {}).items():
            yield "facet", facet
            yield name, facet


def _faults(event: dict[str, Any]) -> list[str]:
    """What the schema finds fault with."""
    found = [
        f"{kind} without {name}"
        for kind, part in _parts(event)
        for name in REQUIRED.get(kind, ())
        if name not in part
    ]
    if event.get("eventType") not in KINDS:
        found.append("no kind of event")
    addresses = [event.get("producer"), event.get("schemaURL")]
    addresses += [
        facet.get(key)
        for kind, facet in _parts(event)
        if kind == "facet"
        for key in facet
        if key in ("_producer", "_schemaURL")
    ]
    found += [f"{one} is no URI" for one in addresses if one and not urlsplit(one).scheme]
    try:
        uuid.UUID(event["run"]["runId"])
        moment = datetime.fromisoformat(event["eventTime"])
    except (KeyError, ValueError) as error:
        return [*found, str(error)]
    return found if moment.tzinfo else [*found, "a time without a zone"]


def _events(engine: Engine, reference: str = "x-lora@2") -> list[dict[str, Any]]:
    with reading(engine) as session:
        events = openlineage_events(session, lineage_of(session, reference))
    return [json.loads(line) for line in as_lines(events)]


def test_a_training_is_a_start_and_an_end_with_what_it_took_and_gave(finished: Engine) -> None:
    begin, end = _events(finished)
    assert (begin["eventType"], end["eventType"]) == ("START", "COMPLETE")
    assert begin["run"] == end["run"]
    assert begin["job"] == end["job"]
    assert begin["job"]["name"].startswith("train.")
    assert begin["outputs"] == []
    assert begin["inputs"] == end["inputs"]
    names = [one["name"] for one in end["inputs"]]
    assert "dataset/shop" in names
    assert [one["name"] for one in end["outputs"]] == ["artifact/x-lora"] * 2
    with reading(finished) as session:
        nodes = lineage_of(session, "x-lora@2").nodes
    digests = {one["facets"]["version"]["datasetVersion"] for one in end["outputs"]}
    assert {node.facts["digest"] for node in nodes if node.ref == "x-lora@2"} <= digests
    assert begin["eventTime"] <= end["eventTime"]


def test_events_are_as_the_schema_says(finished: Engine) -> None:
    events = _events(finished)
    assert events
    assert [fault for event in events for fault in _faults(event)] == []


def test_an_event_without_a_required_property_would_be_noticed(finished: Engine) -> None:
    whole = _events(finished)[-1]
    for kind, names in REQUIRED.items():
        for name in names:
            event = copy.deepcopy(whole)
            part = next(part for found, part in _parts(event) if found == kind)
            del part[name]
            assert f"{kind} without {name}" in _faults(event)


def test_a_run_has_the_same_id_each_time_and_no_other_has_it(finished: Engine) -> None:
    first, again = (_events(finished)[0]["run"]["runId"] for _ in range(2))
    assert first == again
    with transaction(finished) as session:
        run = session.scalars(select(Run).limit(1)).one()
        run.created_at = run.created_at.replace(
            microsecond=(run.created_at.microsecond + 1) % 10**6
        )
    assert _events(finished)[0]["run"]["runId"] != first


def test_the_end_of_a_run_says_how_it_ended(finished: Engine) -> None:
    for state, kinds in (
        (RunState.QUEUED, []),
        (RunState.RUNNING, ["START"]),
        (RunState.FAILED, ["START", "FAIL"]),
        (RunState.LOST, ["START", "FAIL"]),
        (RunState.CANCELLED, ["START", "ABORT"]),
        (RunState.SUCCEEDED, ["START", "COMPLETE"]),
    ):
        with transaction(finished) as session:
            session.scalars(select(Run).limit(1)).one().state = state
        events = _events(finished)
        assert [event["eventType"] for event in events] == kinds
        assert not any(_faults(event) for event in events)


def test_no_path_of_a_machine_and_no_error_is_told(finished: Engine, tmp_path: Path) -> None:
    with transaction(finished) as session:
        run = session.scalars(select(Run).limit(1)).one()
        run.state, run.error = RunState.FAILED, f"no file {tmp_path}/secret"
        run.title, run.spec = f"train {tmp_path}", {"token": "hunter2", "path": str(tmp_path)}
    said = json.dumps(_events(finished))
    assert "START" in said
    assert str(tmp_path) not in said
    assert "hunter2" not in said


def test_what_a_viewer_does_not_see_is_not_among_the_datasets(finished: Engine) -> None:
    with transaction(finished) as session:
        move(session, ["artifact:x-lora"], "lab")
    viewer = Viewer(
        user_id=1, name="anna", roles={"lab": Role.READER}, everywhere=None, through="token"
    )
    with reading(finished) as session, shown_to(viewer):
        graph = lineage_of(session, "x-lora@2", ways=("up",))
        said = json.dumps(openlineage_events(session, graph))
    assert "shop" not in said
