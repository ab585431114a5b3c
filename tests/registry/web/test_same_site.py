"""Writing is for this server's own pages and for programs, under the server's own name."""

import re

import pytest
from starlette.testclient import TestClient

from sdxl_reg.web.app import create_app
from sdxl_reg.web.dependencies import Registry
from sdxl_reg.web.same_site import writing_hosts
from tests.registry.web.conftest import ADDRESS

VOTES = "/api/v1/grids/1/votes"
NONSENSE = {"left": 0, "right": 0, "outcome": "tie"}  # refused as such, once it is let in


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 422),
        ({"Origin": ADDRESS, "Sec-Fetch-Site": "same-origin"}, 422),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://127.0.0.1:9999"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Host": "rebound.example:8000"}, 403),
        ({"Host": "rebound.example:8000", "Origin": "http://rebound.example:8000"}, 403),
        ({"Host": "127.0.0.1.evil.example"}, 403),
        ({"Host": ""}, 403),
        ({"Host": "[::1"}, 403),
        ({"Host": "[::1]:8000"}, 422),
        ({"Host": "192.168.1.7:8000"}, 422),
        ({"Host": "LOCALHOST:8000", "Origin": "http://localhost:8000"}, 422),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": "application/json; charset=utf-8"}, 422),
    ],
)
def test_only_own_pages_and_programs_write(
    client: TestClient, headers: dict[str, str], status: int
) -> None:
    response = client.post(VOTES, json=NONSENSE, headers=headers)
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["remedy"]


def test_what_is_no_json_at_all_is_refused_before_it_is_read(client: TestClient) -> None:
    response = client.post(VOTES, content=b"left=0&right=1", headers={"Content-Type": "text/plain"})
    assert (response.status_code, response.json()["code"]) == (415, "unsupported-media-type")


def test_every_address_that_writes_is_guarded(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    writing = [
        (method, re.sub(r"\{\w+\}", "1", path))
        for path, operations in paths.items()
        for method in operations
        if method not in ("get", "head", "options")
    ]
    assert len(writing) > 12
    for method, path in writing:
        response = client.request(
            method.upper(), path, json={}, headers={"Origin": "http://evil.example"}
        )
        assert (response.status_code, response.json()["code"]) == (403, "forbidden"), path


def test_pages_of_other_sites_may_read_nothing_either_but_are_not_refused(
    client: TestClient,
) -> None:
    response = client.get("/api/v1/grids", headers={"Origin": "http://evil.example"})
    assert response.status_code == 200
    assert "access-control-allow-origin" not in response.headers
    assert response.headers["cross-origin-resource-policy"] == "same-origin"


def test_a_server_for_everybody_takes_the_names_it_was_given(registry: Registry) -> None:
    app = create_app(registry, hosts=("*", "Pictures.example"))
    for host, status in (("pictures.example", 422), ("other.example", 403)):
        client = TestClient(app, base_url=f"http://{host}")
        assert client.post(VOTES, json=NONSENSE).status_code == status
    assert "*" not in writing_hosts(["*"])
