"""How much of a request is gathered in memory."""

import hashlib

import pytest
from starlette.testclient import TestClient

from sdxl_reg.web import bodies
from sdxl_reg.web.same_site import PIECE

API = "/api/v1"


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "MOST_BYTES", 1000)


@pytest.mark.parametrize("address", [f"{API}/uploads", f"{API}/image-sets/weipin/tags", "/login"])
def test_a_body_that_is_too_long_is_refused_as_a_problem(client: TestClient, address: str) -> None:
    answer = client.post(
        address,
        content=b'{"a": "' + b"x" * 2000 + b'"}',
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 413, answer.text


def test_a_body_without_a_length_is_refused_where_it_gets_too_long(client: TestClient) -> None:
    chunks = iter([b"[", *[b" " * 100] * 50, b"]"])
    answer = client.post(
        f"{API}/uploads", content=chunks, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 413
    assert answer.json()["type"].startswith("/problems/")


def test_pieces_of_files_may_be_as_long_as_they_are(client: TestClient) -> None:
    data = b"x" * 5000
    body = {
        "name": "x.safetensors",
        "sha256": hashlib.sha256(data).hexdigest(),
        "size_bytes": len(data),
    }
    place = client.post(f"{API}/uploads", json=body).headers["location"]
    headers = {"Content-Type": PIECE, "Upload-Offset": "0"}
    answer = client.patch(place, content=data, headers=headers)
    assert answer.headers["upload-offset"] == "5000"
