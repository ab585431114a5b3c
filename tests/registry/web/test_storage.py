"""Storage over REST and as a page: how much, whether it is whole, and what nothing needs."""

import os
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from sdxl_reg.catalog.integrity.check import check
from sdxl_reg.errors import Conflict
from sdxl_reg.web import upkeep as upkeep_module
from sdxl_reg.web.app import create_app
from sdxl_reg.web.dependencies import Registry
from sdxl_reg.web.upkeep import Looking, Upkeep
from tests.registry.catalog.integrity.damage import flip
from tests.registry.web.conftest import ADDRESS
from tests.registry.web.example_registry import build

STORAGE = "/api/v1/storage"


def _orphan(registry: Registry, data: bytes, *, days: int) -> str:
    """A file that no row names, put so many days ago."""
    sha256 = registry.store.put_bytes(data).sha256
    then = time.time() - days * 86_400
    os.utime(registry.store.path(sha256), (then, then))
    return sha256


def _last(client: TestClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get(STORAGE).json()["check"]
    return found


def test_what_is_kept_is_told_by_kind(writer: TestClient, own_registry: Registry) -> None:
    found = writer.get(STORAGE).json()
    lengths = [path.stat().st_size for path in own_registry.store.files()]
    assert found["blobs"] == {"files": len(lengths), "bytes": sum(lengths), "is_all": True}
    assert found["runs"]["files"] >= 1
    assert found["free_bytes"] > 0
    assert found["garbage"] == {"blobs": 0, "bytes": 0}


def test_looking_changes_nothing_and_a_collection_asks_first(
    writer: TestClient, own_registry: Registry
) -> None:
    orphan = _orphan(own_registry, b"a writer was killed", days=30)
    assert writer.get(STORAGE).json()["garbage"] == {"blobs": 1, "bytes": 19}
    tried = writer.post(f"{STORAGE}/collect", json={}).json()
    assert tried["dry_run"]
    assert (tried["found"], tried["removed"]["blobs"]) == ({"blobs": 1, "bytes": 19}, 0)
    assert own_registry.store.has(orphan)
    young = writer.post(f"{STORAGE}/collect", json={"grace_days": 40}).json()
    assert young["found"]["blobs"] == 0
    done = writer.post(f"{STORAGE}/collect", json={"dry_run": False}).json()
    assert done["removed"] == {"blobs": 1, "bytes": 19}
    assert not own_registry.store.has(orphan)


def test_less_than_a_day_of_grace_is_refused(writer: TestClient) -> None:
    answer = writer.post(f"{STORAGE}/collect", json={"grace_days": 0.5})
    assert answer.status_code == 422


def test_a_quick_check_is_answered_with_what_it_found(writer: TestClient) -> None:
    found = writer.post(f"{STORAGE}/check", json={}).json()
    assert (found["state"], found["deep"], found["faults"]) == ("done", False, 0)
    assert found["verified"] > 20
    assert {**_last(writer), "at": found["at"]} == found  # the line of the log is a moment later
    page = writer.get("/storage").text
    assert "by their lengths" in page
    assert "whole" in page


def test_a_deep_check_goes_on_by_itself_and_reads_every_byte(
    writer: TestClient, own_registry: Registry
) -> None:
    harmed = next(iter(own_registry.store.files()))
    sha256 = harmed.parent.name + harmed.name
    flip(own_registry.store, sha256)
    assert writer.post(f"{STORAGE}/check", json={}).json()["faults"] == 0
    begun = writer.post(f"{STORAGE}/check", json={"deep": True}).json()
    assert begun["state"] in ("running", "done")
    until = time.monotonic() + 20
    while _last(writer)["state"] == "running" and time.monotonic() < until:
        time.sleep(0.05)
    found = _last(writer)
    assert (found["state"], found["deep"], found["faults"]) == ("done", True, 1)
    assert found["first"][0]["subject"] == sha256
    assert "1 fault" in writer.get("/storage").text
    flip(own_registry.store, sha256)


@pytest.fixture
def held(own_registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Checks stand still until this is set."""
    going_on = threading.Event()

    def slow(*arguments: Any, **more: Any) -> Any:
        going_on.wait(20)
        return check(*arguments, **more)

    monkeypatch.setattr(upkeep_module, "check", slow)
    yield going_on
    going_on.set()


def test_one_thing_goes_on_at_a_time(own_registry: Registry, held: threading.Event) -> None:
    upkeep = Upkeep(own_registry)
    begun = upkeep.check(by="anna", is_deep=True, wait_s=0)
    assert isinstance(begun, Looking)
    assert upkeep.present() == begun
    with pytest.raises(Conflict, match="going on"):
        upkeep.check(by="ben", is_deep=False, wait_s=0)
    with pytest.raises(Conflict, match="going on"):
        upkeep.collect(timedelta(days=1))
    held.set()
    upkeep.close()
    after = upkeep.present()
    assert isinstance(after, Looking)
    assert "shutting down" in after.error


def test_in_a_large_registry_garbage_is_looked_for_when_it_is_asked_for(
    writer: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sdxl_reg.web.storage.AT_ONCE", 3)
    assert writer.get(STORAGE).json()["garbage"] is None
    assert "takes a while" in writer.get("/storage").text


def test_what_another_process_found_later_is_the_last_check(
    writer: TestClient, own_registry: Registry
) -> None:
    writer.post(f"{STORAGE}/check", json={})
    Upkeep(own_registry).check(by="cli", is_deep=True, wait_s=20)
    assert _last(writer)["deep"]


def test_a_new_registry_says_that_nobody_has_checked_it(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    registry = build(tmp_path_factory.mktemp("new"))
    with TestClient(create_app(registry), base_url=ADDRESS) as client:
        assert client.get(STORAGE).json()["check"] is None
        assert "Nobody has checked" in client.get("/storage").text
    registry.engine.dispose()
