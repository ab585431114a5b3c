"""Errors: problem+json for programs, a page for people, by one table."""

import re
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError
from starlette.testclient import TestClient

from sdxl_reg.errors import (
    Conflict,
    Corrupt,
    InvalidSettings,
    OutOfSpace,
    RegistryError,
    RunFailed,
)
from sdxl_reg.web.app import create_app
from sdxl_reg.web.dependencies import Registry

NOT_FOUND = [
    "/api/v1/image-sets/wiepin",
    "/api/v1/image-sets/wiepin/images",
    "/api/v1/images/0123456789abcdef",
    "/api/v1/images/0123456789abcdef/bytes",
    "/api/v1/images/0123456789abcdef/thumbnail",
    "/api/v1/datasets/weipin@9",
    "/api/v1/datasets/nothing/entries",
    "/api/v1/datasets/nothing/manifest",
    "/api/v1/artifacts/weipin-lara",
    "/api/v1/artifacts/weipin-lora/versions/9",
    "/api/v1/artifacts/weipin-lora/versions/worst",
    "/api/v1/artifacts/weipin-lora/versions/1/files/other.safetensors",
    "/api/v1/artifacts/weipin-lora/versions/1/files/..%2F..%2Fregistry.db",
    "/api/v1/runs/99",
    "/api/v1/runs/99/log",
    "/api/v1/grids/99",
    "/api/v1/grids/99/sheet",
    "/api/v1/grids/1/cells/99/picture",
    "/api/v1/lineage/nothing@1",
    "/api/v1/lineage/grid:99",
    f"/api/v1/blobs/{'0' * 64}",
    "/api/v1/nothing",
    "/api/nothing",
]
INVALID = {
    "/api/v1/runs/one": "invalid-request",
    "/api/v1/runs?limit=0": "invalid-request",
    "/api/v1/runs?cursor=%F0%9F": "invalid-value",
    "/api/v1/image-sets/weipin/images?cursor=nonsense": "invalid-value",
    "/api/v1/artifacts?cursor=Mw": "invalid-value",
    "/api/v1/image-sets/weipin/images?select=(": "invalid-value",
    "/api/v1/image-sets/weipin/images?select=colour:red": "unknown-name",
    "/api/v1/lineage/weipin-lora@1?depth=0": "invalid-request",
    "/api/v1/lineage/a@b@c": "invalid-value",
    "/api/v1/trainers/lara": "unknown-name",
}


@pytest.mark.parametrize("path", NOT_FOUND)
def test_what_is_not_there_is_a_problem_with_404(client: TestClient, path: str) -> None:
    response = client.get(path)
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert (response.status_code, problem["status"], problem["code"]) == (404, 404, "not-found")
    assert problem["type"] == "/problems/not-found"
    assert problem["detail"]


@pytest.mark.parametrize(("path", "code"), INVALID.items())
def test_what_cannot_be_asked_is_a_problem_with_422(
    client: TestClient, path: str, code: str
) -> None:
    response = client.get(path)
    assert response.headers["content-type"] == "application/problem+json"
    assert (response.status_code, response.json()["code"]) == (422, code)
    assert response.json()["remedy"]


def test_a_near_name_is_the_remedy(client: TestClient) -> None:
    problem = client.get("/api/v1/artifacts/weipin-lara").json()
    assert problem["remedy"] == "Did you mean 'weipin-lora'?"
    assert problem["instance"] == "/api/v1/artifacts/weipin-lara"


def test_every_fault_of_a_request_is_told(client: TestClient) -> None:
    problem = client.get("/api/v1/lineage/x?depth=no&way=sideways").json()
    assert {fault["field"] for fault in problem["errors"]} == {"query.depth", "query.way"}


def test_writing_is_not_allowed_and_says_what_is(client: TestClient) -> None:
    response = client.post("/api/v1/artifacts")
    assert response.status_code == 405
    assert response.json()["code"] == "method-not-allowed"
    assert "GET" in response.headers["allow"]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Conflict("taken", remedy="Wait"), 409),
        (Corrupt(Path("a.jpg"), "torn"), 500),
        (RunFailed(3, "crashed"), 500),
        (OutOfSpace("/disk"), 507),
        (RegistryError("odd"), 500),
    ],
)
def test_an_error_of_ours_has_its_own_status_and_code(
    registry: Registry, error: RegistryError, status: int
) -> None:
    response = _client_that_raises(registry, error).get("/api/v1/raise")
    assert (response.status_code, response.json()["code"]) == (status, error.code)
    assert response.json()["detail"] == error.message
    assert response.json()["remedy"] == error.remedy


def test_settings_are_refused_with_every_fault(registry: Registry) -> None:
    error = InvalidSettings("lora", {"rank": "too large", "seed": "negative"})
    problem = _client_that_raises(registry, error).get("/api/v1/raise").json()
    assert problem["errors"] == [
        {"field": "rank", "fault": "too large"},
        {"field": "seed", "fault": "negative"},
    ]


def test_a_database_that_does_not_answer_is_503(registry: Registry) -> None:
    error = OperationalError("SELECT 1", {}, Exception("database is locked"))
    response = _client_that_raises(registry, error).get("/api/v1/raise")
    assert (response.status_code, response.json()["code"]) == (503, "database-unavailable")
    assert response.headers["retry-after"]


def test_an_unforeseen_error_is_a_problem_without_its_details(registry: Registry) -> None:
    response = _client_that_raises(registry, ValueError("secret")).get("/api/v1/raise")
    assert (response.status_code, response.json()["code"]) == (500, "internal")
    assert "secret" not in response.text


def test_a_page_that_is_not_there_is_a_page_that_says_so(client: TestClient) -> None:
    response = client.get("/artifacts/weipin-lara")
    assert response.status_code == 404
    assert response.headers["content-type"].startswith("text/html")
    assert "Did you mean &#39;weipin-lora&#39;?" in response.text


def _client_that_raises(registry: Registry, error: Exception) -> TestClient:
    app = create_app(registry)

    def fail() -> None:
        raise error

    app.add_api_route("/api/v1/raise", fail)
    return TestClient(app, raise_server_exceptions=False)


NUL = "a\0b"


@pytest.mark.parametrize(
    "address",
    [
        "/api/v1/image-sets/a%00b",
        "/api/v1/lineage/a%00b",
        "/api/v1/blobs/%00",
        "/api/v1/image-sets/weipin/images?tag=a%00b",
        "/images/%00",
        "/datasets/weipin%00/diff",
    ],
)
def test_an_address_with_a_nul_is_refused_before_a_database_sees_it(
    client: TestClient, address: str
) -> None:
    answer = client.get(address)
    assert answer.status_code == 422
    assert "NUL character" in answer.text


@pytest.mark.parametrize(
    ("text", "status"), [(NUL, 422), ("\\u0000", 404), ("\\\\u0000", 404), ("\\\0", 422)]
)
def test_a_body_with_a_nul_is_refused_and_one_that_writes_of_it_is_not(
    client: TestClient, text: str, status: int
) -> None:
    answer = client.post("/api/v1/members/999999/caption", json={"text": text})
    assert answer.status_code == status, answer.text


def test_a_number_that_no_database_counts_to_is_refused(client: TestClient) -> None:
    for address in ("/api/v1/grids", "/api/v1/runs", "/api/v1/generations", "/grids", "/runs"):
        assert client.get(f"{address}/{1 << 63}").status_code == 422
        assert client.get(f"{address}/{(1 << 63) - 1}").status_code == 404


def test_the_type_of_a_problem_is_a_page_about_it(client: TestClient) -> None:
    problem = client.get("/api/v1/artifacts/nothing").json()
    page = client.get(problem["type"])
    assert page.status_code == 200
    assert "A thing that is not recorded, or a file that is not there" in page.text


def test_every_code_that_the_api_documents_has_its_page(client: TestClient) -> None:
    told = re.findall(r"`([a-z-]+)`", "".join(_table_of_problems()))
    assert len(told) > 10
    for code in told:
        assert client.get(f"/problems/{code}").status_code == 200, code
    assert client.get("/problems/nonsense").status_code == 404


def _table_of_problems() -> list[str]:
    page = (Path(__file__).parents[3] / "docs" / "api.md").read_text(encoding="utf-8")
    return [line.split("|")[2] for line in page.splitlines() if re.match(r"\| \d{3} \|", line)]
