"""Withdrawing a version over the API, and how its page says so."""

from starlette.testclient import TestClient

VERSIONS = "/api/v1/artifacts/weipin-lora/versions"


def test_a_withdrawn_version_says_why_wherever_it_stands(writer: TestClient) -> None:
    said = writer.post(f"{VERSIONS}/1/yank", json={"reason": " mislabelled "}).json()
    assert (said["state"], said["yanked"]) == ("yanked", "mislabelled")
    listed = writer.get("/api/v1/artifacts/weipin-lora").json()["versions"]
    assert [version["yanked"] for version in listed] == ["mislabelled", None, None]
    assert writer.get(f"{VERSIONS}/1").json()["files"][0]["sha256"]
    page = writer.get("/artifacts/weipin-lora").text
    assert "yanked" in page
    assert "mislabelled" in page
    assert writer.post(f"{VERSIONS}/1/unyank", json={}).json()["yanked"] is None
    assert "mislabelled" not in writer.get("/artifacts/weipin-lora").text


def test_what_an_alias_points_at_is_not_withdrawn(writer: TestClient) -> None:
    response = writer.post(f"{VERSIONS}/best/yank", json={})
    assert (response.status_code, response.json()["code"]) == (409, "conflict")
    assert "artifact alias weipin-lora@N best" in response.json()["remedy"]


def test_nothing_and_nonsense_are_refused(writer: TestClient) -> None:
    assert writer.post(f"{VERSIONS}/99/yank", json={}).status_code == 404
    assert writer.post(f"{VERSIONS}/1/yank", json={"reason": "x" * 501}).status_code == 422
    assert writer.post(f"{VERSIONS}/1/yank", json={"why": "x"}).status_code == 422
