"""What a server tells those who run it: that it lives, that it can work, how much it does."""

import json
import logging
import re
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text
from starlette.testclient import TestClient

from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import connect, upgrade
from sdxl_reg.web.app import create_app
from sdxl_reg.web.dependencies import Registry
from sdxl_reg.web.observing import JsonLines
from tests.registry.web.conftest import ADDRESS


def _of(registry: Registry) -> TestClient:
    return TestClient(create_app(registry), base_url=ADDRESS, raise_server_exceptions=False)


@pytest.fixture
def small(registry: Registry, tmp_path: Path) -> Registry:
    """An empty registry of its own."""
    engine = connect(f"sqlite:///{tmp_path}/registry.db")
    upgrade(engine)
    return replace(registry, engine=engine, store=BlobStore(tmp_path / "blobs"))


def _samples(client: TestClient) -> dict[tuple[str, ...], float]:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_a_server_with_its_database_and_store_lives_and_is_ready(client: TestClient) -> None:
    assert client.get("/health").json()["status"] == "ok"
    assert client.get("/ready").json()["status"] == "ready"


def test_without_its_tables_it_lives_and_is_not_ready(small: Registry) -> None:
    client = _of(small)
    with small.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    assert client.get("/health").status_code == 200
    answer = client.get("/ready")
    assert (answer.status_code, answer.json()["code"]) == (503, "not-ready")
    assert answer.json()["remedy"] == "Run: sdxl-reg db upgrade"


def test_without_a_place_for_blobs_it_is_not_ready(small: Registry, tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("in the way")
    answer = _of(replace(small, store=BlobStore(tmp_path / "a file" / "blobs"))).get("/ready")
    assert answer.status_code == 503
    assert "cannot be written to" in answer.json()["detail"]


def test_a_database_that_is_gone_is_told_by_readiness_and_metrics(
    small: Registry, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    gone = replace(small, engine=connect(f"sqlite:///{tmp_path}/folder"))
    client = _of(gone)
    assert client.get("/ready").json()["code"] == "database-unavailable"
    assert _samples(client)["sdxl_reg_database_up",] == 0


def test_requests_are_counted_by_route_and_what_is_held_by_kind(
    client: TestClient, registry: Registry
) -> None:
    key = ("sdxl_reg_http_requests_total", "/api/v1/artifacts/{name}", "404", "GET")
    before = _samples(client).get((key[0], *sorted(key[1:])), 0)
    for name in ("one", "two"):
        client.get(f"/api/v1/artifacts/{name}")
    found = _samples(client)
    assert found[(key[0], *sorted(key[1:]))] == before + 2
    assert found["sdxl_reg_database_up",] == 1
    assert found["sdxl_reg_rows", "artifacts"] >= 1
    assert found["sdxl_reg_runs", "succeeded"] >= 1
    assert found["sdxl_reg_stored_bytes",] > 0
    assert not any("/one" in part for key in found for part in key)


def test_a_request_keeps_the_id_it_came_with_where_that_is_usable(client: TestClient) -> None:
    given = client.get("/health", headers={"X-Request-Id": "proxy-17.4_a"})
    assert given.headers["x-request-id"] == "proxy-17.4_a"
    for odd in ("", "a b", "x" * 65, "<script>"):
        made = client.get("/health", headers={"X-Request-Id": odd}).headers["x-request-id"]
        assert re.fullmatch("[0-9a-f]{32}", made)


def test_every_request_is_a_line_of_json_with_its_id(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "sdxl_reg.access"):
        client.get("/api/v1/artifacts?limit=1", headers={"X-Request-Id": "abc"})
    (record,) = [r for r in caplog.records if r.name == "sdxl_reg.access"]
    line = json.loads(JsonLines().format(record))
    assert (line["method"], line["path"], line["status"]) == ("GET", "/api/v1/artifacts", 200)
    assert line["route"] == "/api/v1/artifacts"
    assert line["ms"] > 0


def test_what_was_not_foreseen_is_answered_with_the_id_it_is_logged_under(small: Registry) -> None:
    app = create_app(small)

    @app.get("/api/v1/broken")
    def broken() -> None:
        raise RuntimeError("a bug")

    client = TestClient(app, base_url=ADDRESS, raise_server_exceptions=False)
    answer = client.get("/api/v1/broken", headers={"X-Request-Id": "abc"})
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert answer.headers["x-request-id"] == "abc"
    assert answer.json()["remedy"].endswith("under abc")
    assert "a bug" not in answer.text
