"""Many items in one request: each is told what became of it, and one undo takes all back."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from sdxl_reg.store.database import transaction
from sdxl_reg.tables import ArtifactAlias
from sdxl_reg.web.dependencies import Registry

SET = "/api/v1/image-sets/weipin"
VERSIONS = "/api/v1/artifacts/weipin-lora/versions"


def _post(writer: TestClient, path: str, body: object, status: int = 200) -> dict[str, Any]:
    answer = writer.post(path, json=body)
    assert answer.status_code == status, answer.text
    said: dict[str, Any] = answer.json()
    return said


def _captions(writer: TestClient) -> dict[str, str]:
    items = writer.get(f"{SET}/images?limit=500").json()["items"]
    return {found["path"]: found["caption"] for found in items}


def test_captions_are_answered_one_by_one_and_undone_together(writer: TestClient) -> None:
    before = _captions(writer)
    first, second, *_ = before
    items = [
        {"path": first, "text": "one"},
        {"path": "nowhere.jpg", "text": "two"},
        {"path": second, "text": before[second]},
    ]
    would = _post(writer, f"{SET}/captions", {"items": items, "dry_run": True})
    assert (would["written"], would["change"]) == (1, None)
    assert _captions(writer) == before
    report = _post(writer, f"{SET}/captions", {"items": items, "author": "mei"})
    assert [one["status"] for one in report["results"]] == ["written", "refused", "unchanged"]
    assert (report["written"], report["unchanged"], report["refused"]) == (1, 1, 1)
    problem = report["results"][1]["problem"]
    assert (problem["code"], bool(problem["remedy"])) == ("not-found", True)
    assert report["change"]["author"] == "mei"
    assert _captions(writer) == before | {first: "one"}
    _post(writer, f"{SET}/undo", {"change": report["change"]["id"]})
    assert _captions(writer) == before


def test_all_or_none_names_what_stands_in_the_way(writer: TestClient) -> None:
    before = _captions(writer)
    items = [{"path": next(iter(before)), "text": "x"}, {"path": "nowhere.jpg", "text": "y"}]
    refused = _post(writer, f"{SET}/captions", {"items": items, "atomic": True}, 422)
    assert refused["code"] == "items-refused"
    assert [one["field"] for one in refused["errors"]] == ["items.1"]
    assert "nowhere.jpg" in refused["errors"][0]["fault"]
    assert _captions(writer) == before
    _post(writer, f"{SET}/captions", {"items": []}, 422)


def test_tags_and_crops_are_answered_one_by_one(writer: TestClient) -> None:
    first, second = list(_captions(writer))[:2]
    items = [{"path": first, "attach": ["later/x"]}, {"path": second, "attach": ["qzy/flwed"]}]
    report = _post(writer, f"{SET}/tags/items", {"items": items})
    assert report["refused"] == 2
    assert report["change"] is None
    report = _post(writer, f"{SET}/tags/items", {"items": items[:1], "make": True})
    assert report["results"] == [
        {"item": 0, "status": "written", "problem": None, "member": report["results"][0]["member"]}
    ]
    crops = [{"path": first, "crop": [0, 0, 0.5, 1]}, {"path": second, "crop": None}]
    report = _post(writer, f"{SET}/crops", {"items": crops})
    assert [one["status"] for one in report["results"]] == ["written", "unchanged"]
    for _ in range(2):
        _post(writer, f"{SET}/undo", {})
    assert "later" not in str(writer.get(SET).json()["tags"])


def test_what_has_changed_since_it_was_seen_is_left_alone(writer: TestClient) -> None:
    seen = writer.get(SET).headers["etag"]
    path = next(iter(_captions(writer)))
    body = {"items": [{"path": path, "text": "seen"}]}
    headers = {"If-Match": seen}
    assert writer.post(f"{SET}/captions", json=body, headers=headers).status_code == 200
    body = {"items": [{"path": path, "text": "unseen"}]}
    assert writer.post(f"{SET}/captions", json=body, headers=headers).status_code == 412
    _post(writer, f"{SET}/undo", {})


@pytest.mark.parametrize("atomic", [True, False])
def test_several_versions_are_withdrawn(
    writer: TestClient, own_registry: Registry, atomic: bool
) -> None:
    with transaction(own_registry.engine) as session:
        pointed = {alias.version.version for alias in session.query(ArtifactAlias)}
    assert pointed == {3}
    body = {"versions": [1, 3, 9], "reason": "wrong captions", "atomic": atomic}
    if atomic:
        refused = _post(writer, f"{VERSIONS}/yank", body, 422)
        assert [one["field"] for one in refused["errors"]] == ["items.1", "items.2"]
        assert writer.get(f"{VERSIONS}/1").json()["yanked"] is None
        return
    report = _post(writer, f"{VERSIONS}/yank", body)
    assert [one["status"] for one in report["results"]] == ["written", "refused", "refused"]
    assert [one["version"] for one in report["results"]] == [1, 3, None]
    assert writer.get(f"{VERSIONS}/1").json()["yanked"] == "wrong captions"
    assert _post(writer, f"{VERSIONS}/yank", body)["unchanged"] == 1
    _post(writer, f"{VERSIONS}/1/unyank", {})
