"""Changes of a set through the API, as the gallery makes them."""

from typing import Any

import pytest
from starlette.testclient import TestClient

SET = "/api/v1/image-sets/weipin"


def _members(writer: TestClient, query: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = writer.get(f"{SET}/images?{query}").json()["items"]
    return items


def _post(writer: TestClient, path: str, body: object, status: int = 200) -> dict[str, Any]:
    answer = writer.post(path, json=body)
    assert answer.status_code == status, answer.text
    said: dict[str, Any] = answer.json()
    return said


@pytest.fixture(autouse=True)
def _left_as_it_was(writer: TestClient) -> Any:
    """Each test ends with its changes undone."""
    yield
    while writer.post(f"{SET}/undo", json={}).status_code == 200:
        pass
    assert len(_members(writer, "tag=qzy/flawed/fold")) == 4


def test_a_tag_is_made_and_given_to_some_members_and_taken_back(writer: TestClient) -> None:
    ids = [found["member"] for found in _members(writer, "tag=qzy/flawed/fold&limit=2")]
    body = {"do": "attach", "tag": "待查/again", "which": {"members": ids}}
    assert _post(writer, f"{SET}/tags", body, 404)["code"] == "not-found"
    report = _post(writer, f"{SET}/tags", {**body, "make": True})
    assert report["changed"] == 2
    found = _members(writer, "tag=待查")
    assert [one["member"] for one in found] == ids
    assert found[0]["more_tags"] == ["待查/again"]
    undone = _post(writer, f"{SET}/undo", {"change": report["change"]["id"]})
    assert undone["summary"] == f"Undone: {report['summary']}"
    assert _members(writer, "tag=待查") == []


def test_everything_a_filter_means_is_changed_also_beyond_the_page(writer: TestClient) -> None:
    which = {"tag": "qzy", "select": "caption:spot"}
    body = {"do": "attach", "tag": "lsbr/flawed/spot", "which": which}
    assert _post(writer, f"{SET}/tags", body)["changed"] == 4
    body = {"do": "detach", "tag": "lsbr/flawed/spot", "which": {"tag": "qzy"}}
    assert _post(writer, f"{SET}/tags", body)["changed"] == 4


def test_captions_are_searched_with_a_preview_that_changes_nothing(writer: TestClient) -> None:
    body = {"search": "fold", "replacement": "long fold", "which": {}, "dry_run": True}
    preview = _post(writer, f"{SET}/captions/replace", body)
    assert (preview["changed"], preview["change"]) == (4, None)
    assert preview["examples"][0]["diff"] == [
        {"kind": "same", "text": "qzy, flawed, "},
        {"kind": "added", "text": "long "},
        {"kind": "same", "text": "fold"},
    ]
    assert _members(writer, "tag=qzy/flawed/fold")[0]["caption"] == "qzy, flawed, fold"
    _post(writer, f"{SET}/captions/replace", {**body, "dry_run": False})
    assert _members(writer, "tag=qzy/flawed/fold")[0]["caption"] == "qzy, flawed, long fold"


def test_words_are_added_and_removed(writer: TestClient) -> None:
    body = {"add": ["on black"], "remove": ["flawed"], "which": {"tag": "qzy/flawed/fold"}}
    assert _post(writer, f"{SET}/captions/words", body)["changed"] == 4
    assert _members(writer, "tag=qzy/flawed/fold")[0]["caption"] == "qzy, fold, on black"


def test_a_template_gives_captions_and_leaves_what_people_wrote(writer: TestClient) -> None:
    body = {"template": "{brand}, {defect}", "trigger": "wpn", "which": {"tag": "lsbr"}}
    report = _post(writer, f"{SET}/captions/template", body)
    assert report["kept"] == {"person": 1}
    assert _members(writer, "tag=lsbr/flawed/spot")[1]["caption"] == "wpn, lsbr, spot"
    everyone = {**body, "over": ["tags", "sidecar", "model", "person"]}
    assert _post(writer, f"{SET}/captions/template", everyone)["changed"] == 1


def test_a_caption_is_written_and_an_earlier_one_taken_up_again(writer: TestClient) -> None:
    found = _members(writer, "tag=qzy/flawed/fold")[0]
    path = f"/api/v1/members/{found['member']}/caption"
    _post(writer, path, {"text": "a red bottle,  folded", "author": "梅"})
    (place,) = writer.get(found["url"]).json()["appearances"]
    now, *_, before = place["captions"]
    assert (now["text"], now["author"], now["is_present"]) == ("a red bottle, folded", "梅", True)
    assert "".join(p["text"] for p in now["diff"] if p["kind"] != "removed") == now["text"]
    _post(writer, path, {"caption": before["id"]})
    assert _members(writer, "tag=qzy/flawed/fold")[0]["caption"] == "qzy, flawed, fold"
    other = _members(writer, "tag=lsbr")[0]["member"]
    _post(writer, f"/api/v1/members/{other}/caption", {"caption": before["id"]}, 404)
    _post(writer, path, {}, 422)


def test_a_crop_is_chosen_and_taken_away(writer: TestClient) -> None:
    found = _members(writer, "tag=qzy/flawed/fold")[0]
    path = f"/api/v1/members/{found['member']}/crop"
    _post(writer, path, {"crop": [0.25, 0, 0.75, 1]})
    assert writer.get(found["url"]).json()["appearances"][0]["crop"] == [0.25, 0, 0.75, 1]
    assert [one["member"] for one in _members(writer, "select=is:cropped")] == [found["member"]]
    assert _post(writer, path, {"crop": None})["change"] is not None
    assert _post(writer, path, {"crop": None})["change"] is None
    assert _post(writer, path, {"crop": [0.5, 0, 0.2, 1]}, 422)["code"] == "invalid-value"


def test_what_came_later_is_not_undone_by_mistake(writer: TestClient) -> None:
    body = {"add": ["one"], "which": {"tag": "lsbr"}}
    first = _post(writer, f"{SET}/captions/words", body)
    _post(writer, f"{SET}/captions/words", {"add": ["two"], "which": {"tag": "lsbr"}})
    refused = _post(writer, f"{SET}/undo", {"change": first["change"]["id"]}, 409)
    assert "not the newest" in refused["detail"]
    summaries = [one["summary"] for one in writer.get(f"{SET}/changes").json()["items"][:2]]
    assert "'two'" in summaries[0]
    assert "'one'" in summaries[1]


def test_the_tree_is_edited(writer: TestClient) -> None:
    path = f"{SET}/tags/tree"
    _post(writer, path, {"do": "add", "tag": "qzy/flawed/dent"})
    _post(writer, path, {"do": "rename", "tag": "qzy/flawed/dent", "to": "dint"})
    _post(writer, path, {"do": "move", "tag": "qzy/flawed/dint", "to": "lsbr"})
    merged = _post(writer, path, {"do": "merge", "tag": "lsbr/dint", "to": "lsbr/flawed/spot"})
    assert merged["change"]["verb"] == "tags.merged"
    _post(writer, path, {"do": "add", "tag": "qzy/flawed/gone"})
    removed = _post(writer, path, {"do": "remove", "tag": "qzy/flawed/gone"})
    assert removed["summary"] == "Removed qzy/flawed/gone"


def test_members_and_a_filter_are_not_both_taken(writer: TestClient) -> None:
    which = {"members": [1], "tag": "qzy"}
    body = {"do": "attach", "tag": "qzy", "which": which}
    assert "not both" in _post(writer, f"{SET}/tags", body, 422)["detail"]


def test_members_of_another_set_are_refused(writer: TestClient) -> None:
    body = {"do": "attach", "tag": "qzy", "which": {"members": [9999]}}
    assert _post(writer, f"{SET}/tags", body, 404)["code"] == "not-found"
    _post(writer, "/api/v1/members/9999/crop", {"crop": None}, 404)


def test_a_page_of_another_site_changes_nothing(writer: TestClient) -> None:
    body = {"do": "attach", "tag": "lsbr", "which": {}}
    answer = writer.post(f"{SET}/tags", json=body, headers={"Origin": "http://elsewhere.example"})
    assert answer.status_code == 403


def test_the_tree_and_its_members_are_only_looked_at_in_a_dry_run(writer: TestClient) -> None:
    before = writer.get(SET).json()["tags"]
    body = {"do": "rename", "tag": "qzy/flawed/spot", "to": "speck", "dry_run": True}
    report = _post(writer, f"{SET}/tags/tree", body)
    assert (report["changed"], report["change"], report["elsewhere"]) == (4, None, [])
    body = {"do": "attach", "tag": "new", "make": True, "which": {}, "dry_run": True}
    assert _post(writer, f"{SET}/tags", body)["changed"] == 21
    assert writer.get(SET).json()["tags"] == before


def test_the_newest_of_one_kind_is_taken_back_whatever_came_after(writer: TestClient) -> None:
    _post(writer, f"{SET}/captions/words", {"add": ["one"], "which": {"tag": "lsbr"}})
    _post(writer, f"{SET}/tags", {"do": "attach", "tag": "qzy", "which": {"tag": "lsbr"}})
    listed = writer.get(f"{SET}/changes?of=captions").json()["items"]
    assert {one["verb"].partition(".")[0] for one in listed} == {"captions"}
    assert "'one'" in _post(writer, f"{SET}/undo", {"of": "captions"})["summary"]
    _post(writer, f"{SET}/undo", {"of": "crops"}, 404)
    _post(writer, f"{SET}/undo", {"of": "tags", "change": 1}, 422)
    assert "Attached qzy" in _post(writer, f"{SET}/undo", {"of": "tags"})["summary"]


def test_an_image_is_found_by_its_path_and_its_crop_cleared_with_others(
    writer: TestClient,
) -> None:
    first, second = _members(writer, "tag=qzy/flawed/fold")[:2]
    assert _members(writer, f"path={first['path']}") == [first]
    assert writer.get(f"{SET}/images?path=nowhere.jpg").status_code == 404
    for found in (first, second):
        _post(writer, f"/api/v1/members/{found['member']}/crop", {"crop": [0, 0, 0.5, 1]})
    cleared = _post(writer, f"{SET}/crops/clear", {"which": {"tag": "qzy/flawed"}})
    assert "2 pictures" in cleared["summary"]
    assert _post(writer, f"{SET}/crops/clear", {"which": {}})["change"] is None
    dark = _post(writer, f"{SET}/background", {"colour": "#102030"})
    assert dark["change"]["verb"] == "crops.background-set"
    assert writer.get(SET).json()["background"] == "#102030"
    _post(writer, f"{SET}/background", {"colour": "blueish"}, 422)
