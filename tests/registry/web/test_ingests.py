"""Sending folders over HTTP: what a program asks, step by step, and what it is refused."""

import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from sdxl_reg.settings import Settings
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import connect, upgrade
from sdxl_reg.web.app import create_app
from sdxl_reg.web.dependencies import Registry
from tests.registry.catalog.pictures import jpeg, products
from tests.registry.catalog.sent_folders.sending import archive, files_in
from tests.registry.web.conftest import ADDRESS

INGESTS = "/api/v1/ingests"
TAR = {"Content-Type": "application/x-tar"}


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[TestClient]:
    """A client of a server whose registry is empty."""
    settings = Settings.from_environment({"SDXL_REG_HOME": str(tmp_path / "home")})
    engine = connect(f"sqlite:///{tmp_path}/registry.db")
    upgrade(engine)
    registry = Registry(engine=engine, store=BlobStore(tmp_path / "blobs"), settings=settings)
    with TestClient(create_app(registry), base_url=ADDRESS) as client:
        yield client
    engine.dispose()


@pytest.fixture
def files(tmp_path: Path) -> dict[str, bytes]:
    return files_in(products(tmp_path / "products"))


def begun(client: TestClient, **options: Any) -> str:
    answer = client.post(INGESTS, json={"folder": "products", **options})
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"] == answer.json()["url"]
    return str(answer.headers["Location"])


def told(files: dict[str, bytes]) -> dict[str, Any]:
    return {
        "files": [
            {"path": path, "size_bytes": len(data), "sha256": sha256(data).hexdigest()}
            for path, data in files.items()
        ]
    }


def ended(client: TestClient, url: str) -> Any:
    for _ in range(600):
        found = client.get(url).json()
        if found["state"] in ("done", "failed"):
            return found
        time.sleep(0.05)
    raise AssertionError(found)


def test_a_folder_is_announced_looked_at_sent_and_ingested(
    empty: TestClient, files: dict[str, bytes]
) -> None:
    url = begun(empty, place="laptop/alice/products")
    assert empty.put(f"{url}/files", json=told(files)).json()["missing"] == sorted(files)
    plan = empty.post(f"{url}/plan", json={}).json()
    (planned,) = plan["sets"]
    assert (planned["name"], planned["is_new"], planned["new"]) == ("weipin", True, 12)
    assert planned["tags"]["qzy/flawed/spot"] == 2
    assert plan["levels"] == ["brand", "state", "defect"]
    assert plan["missing_bytes"] == sum(map(len, files.values()))
    assert empty.get("/api/v1/image-sets").json()["items"] == []

    early = empty.post(f"{url}/commit", json={"files": 12})
    assert (early.status_code, early.json()["code"]) == (409, "conflict")
    assert empty.patch(f"{url}/content", content=archive(files), headers=TAR).status_code == 204
    assert empty.get(f"{url}/missing").json()["missing"] == []
    asked = empty.post(f"{url}/commit", json={"files": 12})
    assert asked.status_code == 202, asked.text
    done = ended(empty, url)
    assert (done["state"], done["report"]["new"]) == ("done", 12)
    (found,) = empty.get("/api/v1/image-sets").json()["items"]
    assert (found["name"], found["images"]) == ("weipin", 12)
    assert [one["key"] for one in empty.get(INGESTS).json()["items"]] == [done["key"]]
    assert empty.post(f"{url}/commit", json={"files": 12}).json()["state"] == "done"
    assert empty.delete(url).status_code == 204
    assert empty.get(url).status_code == 404
    assert empty.get("/api/v1/image-sets/weipin").status_code == 200


def test_a_faulty_archive_is_a_problem_and_what_came_before_stays(
    empty: TestClient, files: dict[str, bytes]
) -> None:
    url = begun(empty)
    empty.put(f"{url}/files", json=told(files))
    first = dict(list(files.items())[:3])
    data = archive({**first, "strange.jpg": jpeg(1)}) + bytes(3 << 20)
    answer = empty.patch(f"{url}/content", content=data, headers=TAR)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-value")
    assert "strange.jpg" in answer.json()["detail"]
    assert len(empty.get(f"{url}/missing").json()["missing"]) == 9


def test_why_an_ingest_failed_is_told(empty: TestClient, files: dict[str, bytes]) -> None:
    for place, some in (("a/products", files), ("b/products", {"weipin/q/r/1.jpg": jpeg(5)})):
        url = begun(empty, place=place)
        empty.put(f"{url}/files", json=told(some))
        empty.patch(f"{url}/content", content=archive(some), headers=TAR)
        empty.post(f"{url}/commit", json={"files": len(some)})
        last = ended(empty, url)
    assert (last["state"], last["error"]["code"]) == ("failed", "conflict")
    assert "--as NAME" in last["error"]["text"]


@pytest.mark.parametrize(
    ("body", "told_of"),
    [
        ({"folder": "a/b"}, "name of a folder"),
        ({"folder": ".."}, "name of a folder"),
        ({"folder": "x", "max_pixels": 1 << 40}, "max_pixels"),
        ({"folder": "x", "place": "a\nb"}, "place"),
        ({"folder": "x", "link": True}, "link"),
    ],
)
def test_what_cannot_be_begun_is_refused(
    empty: TestClient, body: dict[str, Any], told_of: str
) -> None:
    answer = empty.post(INGESTS, json=body)
    assert answer.status_code == 422
    assert told_of in answer.json()["detail"]


def test_a_path_that_leads_out_is_refused(empty: TestClient) -> None:
    url = begun(empty)
    answer = empty.put(f"{url}/files", json=told({"../../x.jpg": b"1"}))
    assert answer.status_code == 422
    assert "../../x.jpg" in answer.json()["detail"]


def test_a_page_of_another_site_sends_no_files(empty: TestClient) -> None:
    url = begun(empty)
    for headers in ({"Content-Type": "text/plain"}, {}, TAR | {"Origin": "http://evil.example"}):
        assert empty.patch(f"{url}/content", content=b"x", headers=headers).status_code in (
            403,
            415,
        )


def test_a_folder_without_pictures_is_told_by_its_name(empty: TestClient) -> None:
    url = begun(empty)
    empty.put(f"{url}/files", json=told({"a/x.svg": b"<svg/>"}))
    answer = empty.post(f"{url}/plan", json={})
    assert answer.status_code == 422
    assert "1 .svg: products" in answer.json()["detail"]
