"""What happens in a run, as it happens: heard whole, from where one left off, and only by those
who may hear it."""

import json
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPResponse
from typing import Any, NamedTuple

import pytest
from fastapi import Request
from starlette.testclient import TestClient

from sdxl_reg.catalog.access.credentials import issue_token, revoke_token
from sdxl_reg.catalog.access.users import add_user, set_role
from sdxl_reg.catalog.access.viewers import Viewer
from sdxl_reg.catalog.references import MAIN
from sdxl_reg.catalog.runs import cancel
from sdxl_reg.jobs import events
from sdxl_reg.store.database import transaction
from sdxl_reg.vocabulary import Role
from sdxl_reg.web import streams
from sdxl_reg.web.api import run_events
from sdxl_reg.web.app import create_app
from sdxl_reg.web.dependencies import Registry
from sdxl_reg.web.identity import viewer_in
from sdxl_reg.web.schemas.run_events import Place, read_place
from tests.registry.web.browser import serving
from tests.registry.web.conftest import ADDRESS
from tests.registry.web.example_registry import build
from tests.registry.web.puppet import Puppet, queued_run

RUNS = "/api/v1/runs"


class Heard(NamedTuple):
    """An event as it was heard."""

    name: str
    id: str
    data: dict[str, Any]


def heard_in(lines: Iterator[str]) -> Iterator[Heard]:
    """The events of a stream, line by line; comments are passed over."""
    said: dict[str, str] = {}
    for line in lines:
        name, _, value = line.rstrip("\n").partition(": ")
        if line.strip():
            said[name] = value
        elif "data" in said:
            yield Heard(said["event"], said["id"], json.loads(said["data"]))
            said = {}


def told_by(client: TestClient, run: int, after: str = "") -> list[Heard]:
    """All events of a run that has ended."""
    headers = {"Last-Event-ID": after} if after else {}
    response = client.get(f"{RUNS}/{run}/events", headers=headers)
    assert response.headers["content-type"].startswith("text/event-stream")
    return list(heard_in(line + "\n" for line in response.text.split("\n")))


def test_a_run_that_has_ended_tells_all_and_ends(client: TestClient) -> None:
    told = told_by(client, 1)
    metrics = [event.data for event in told if event.name == "metric"]
    assert [metric["step"] for metric in metrics] == list(range(1, 31))
    assert set(metrics[0]["values"]) == {"loss", "lr"}
    refs = [event.data["ref"] for event in told if event.name == "version"]
    assert refs == [f"artifact:weipin-lora@{number}" for number in (1, 2, 3)]
    assert told[-1].name == "state"
    assert told[-1].data == {"state": "succeeded", "is_final": True, "error": None}
    assert len([event for event in told if event.name == "state"]) == 1


@pytest.mark.parametrize("cut", [0, 9, 30, 31, 32])
def test_who_comes_back_hears_what_came_after_and_nothing_twice(
    client: TestClient, cut: int
) -> None:
    told = told_by(client, 1)
    assert told_by(client, 1, after=told[cut].id) == told[cut + 1 :]


def test_who_comes_back_at_the_end_hears_that_it_has_ended(client: TestClient) -> None:
    told = told_by(client, 1)
    assert told_by(client, 1, after=told[-1].id) == told[-1:]


@pytest.mark.parametrize(
    "said", ["", "x", "1-2-3", "1-2-3-4-5-6", "-1-2-3-4", "9" * 40 + "-0-0-0-0"]
)
def test_an_id_that_is_none_of_ours_is_the_beginning(said: str) -> None:
    assert read_place(said) == Place()


def test_a_place_is_read_as_it_was_written() -> None:
    place = Place(metric=7, sample=5, output=3, attempt=2, position=1024)
    assert read_place(str(place)) == place


def test_a_run_that_is_not_there_is_a_problem_and_no_stream(client: TestClient) -> None:
    response = client.get(f"{RUNS}/999/events")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


def test_there_is_a_most_of_streams_and_an_ended_one_gives_its_place_back(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_app(registry)
    with TestClient(app, base_url=ADDRESS) as client:
        assert told_by(client, 1)
        assert app.state.streams.count == 0
        monkeypatch.setattr(streams, "MOST", 0)
        response = client.get(f"{RUNS}/1/events")
    assert (response.status_code, response.json()["code"]) == (503, "not-ready")
    assert response.json()["remedy"]


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry of its own, with a run that waits for ever."""
    registry = build(tmp_path_factory.mktemp("live"))
    yield registry
    registry.engine.dispose()


@contextmanager
def _open(address: str, run: int, secret: str = "") -> Iterator[HTTPResponse]:
    request = urllib.request.Request(f"{address}{RUNS}/{run}/events")  # noqa: S310 - our own
    if secret:
        request.add_header("Authorization", f"Bearer {secret}")
    with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
        yield response


def _events(response: HTTPResponse) -> Iterator[Heard]:
    return heard_in(line.decode() for line in response)


def test_events_come_while_the_run_works_and_end_with_it(live: Registry) -> None:
    puppet = Puppet(live, queued_run(live))
    worker = threading.Thread(target=puppet.work)
    with serving(live) as address, _open(address, puppet.run_id) as response:
        told = _events(response)
        assert next(told).data["state"] == "queued"
        worker.start()
        assert next(told).data["state"] == "running"
        puppet.say(events.Message(text="21 pictures"))
        assert next(told).data["text"] == "21 pictures"
        puppet.say(events.Metric(step=1, values={"loss": float("inf"), "lr": float("nan")}))
        assert next(told).data == {"step": 1, "values": {"loss": None}}
        puppet.say(events.Progress(done=1, total=4, what="train"))
        far = next(told)
        assert (far.name, far.data["done"], far.data["total"]) == ("progress", 1, 4)
        puppet.say(events.Finished())
        last = next(told)
        assert last.data == {"state": "succeeded", "is_final": True, "error": None}
        assert response.read() == b""
    worker.join()


def test_a_stream_without_news_is_kept_alive_by_comments(
    live: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fastapi.routing._PING_INTERVAL", 0.2)
    with serving(live) as address, _open(address, queued_run(live)) as response:
        assert any(line.startswith(b":") for line in response)


def test_a_server_that_is_asked_to_end_ends_its_streams(live: Registry) -> None:
    run = queued_run(live)
    with ExitStack() as stack:
        with serving(live) as address:
            response = stack.enter_context(_open(address, run))
            assert next(_events(response)).data["state"] == "queued"
        # it has ended, or `serving` would have said so; and so has the answer, as answers do
        assert response.read() == b""


def test_more_streams_than_threads_and_connections_leave_the_server_answering(
    live: Registry,
) -> None:
    run = queued_run(live)
    with serving(live) as address, ExitStack() as stack:
        told = [_events(stack.enter_context(_open(address, run))) for _ in range(60)]
        assert {next(one).data["state"] for one in told} == {"queued"}
        with urllib.request.urlopen(f"{address}{RUNS}/{run}", timeout=60) as answer:  # noqa: S310
            assert json.load(answer)["state"] == "queued"
        with transaction(live.engine) as session:
            cancel(session, run)
        assert {next(one).data["state"] for one in told} == {"cancelled"}


@pytest.mark.parametrize("is_between", [False, True])
@pytest.mark.parametrize("loss", ["token", "role"])
def test_who_loses_sight_of_a_run_hears_no_more(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    loss: str,
    is_between: bool,
) -> None:
    """At any moment; the worst one is between finding out who asks and reading what they see."""
    registry = build(tmp_path_factory.mktemp("sight"))
    run = queued_run(registry)
    with transaction(registry.engine) as session:
        add_user(session, "boss", is_admin=True)
        user = add_user(session, "anna")
        set_role(session, user, MAIN, Role.READER)
        issued = issue_token(session, user, "all")
    with serving(registry) as address, _open(address, run, issued.secret) as response:
        told = _events(response)
        assert next(told).data["state"] == "queued"

        def lose() -> None:
            with transaction(registry.engine) as session:  # in one: she never sees it cancelled
                if loss == "token":
                    revoke_token(session, session.merge(issued.token))
                else:
                    set_role(session, session.merge(user), MAIN, None)
                cancel(session, run)

        def then_lose(request: Request) -> Viewer | None:
            monkeypatch.undo()
            viewer = viewer_in(request)
            lose()
            return viewer

        if is_between:
            monkeypatch.setattr(run_events, "viewer_in", then_lose)
        else:
            lose()
        assert list(told) == []
    registry.engine.dispose()
