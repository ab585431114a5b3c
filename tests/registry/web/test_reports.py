"""Reports on a set: what the documents say, and the pages that show them."""

import pytest
from starlette.testclient import TestClient

from sdxl_reg.web import reports

HOME = "/image-sets/weipin/report"


def test_quality_names_the_small_ones_and_a_selector_for_all_of_them(client: TestClient) -> None:
    found = client.get(f"/api/v1{HOME}/quality").json()
    flags = {one["flag"]: one for one in found["flagged"]}
    assert flags["small"]["count"] == found["pictures"] == 21
    assert sum(found["spread"]["brightness"].values()) == 21
    selected = client.get(
        "/api/v1/image-sets/weipin/images",
        params={"select": flags["small"]["select"], "limit": 100},
    )
    assert len(selected.json()["items"]) == 21
    assert len(flags["small"]["worst"]) == 6


def test_balance_suggests_repeats_for_every_level(client: TestClient) -> None:
    levels = client.get(f"/api/v1{HOME}/balance").json()["levels"]
    assert [level["level"] for level in levels] == ["brand", "state", "defect"]
    brands = {row["value"]: (row["images"], row["repeats"]) for row in levels[0]["rows"]}
    assert brands == {"qzy": (13, 1), "lsbr": (8, 2)}


def test_captions_are_counted_in_tokens(client: TestClient) -> None:
    found = client.get(f"/api/v1{HOME}/captions").json()
    assert found["members"] == 21
    assert sum(found["lengths"].values()) == 21
    assert {"text": "qzy", "captions": 13} in [
        {"text": word["text"], "captions": word["captions"]} for word in found["words"]
    ]


def test_likeness_shows_conflicts_with_their_labels(client: TestClient) -> None:
    found = client.get(f"/api/v1{HOME}/likeness").json()
    assert found["conflicts"] == len(found["worst_conflicts"])
    for conflict in found["worst_conflicts"]:
        assert len(conflict["labels"]) >= 2
        assert len(conflict["cluster"]["members"]) >= 2


def test_a_small_set_is_reported_on_at_once(client: TestClient) -> None:
    text = client.get(HOME).text
    assert "data-load" not in text
    assert 'aria-label="sharpness of 21 pictures' in text
    assert "Look at all 21" in text


def test_a_large_set_is_reported_on_part_by_part(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sdxl_reg.web.pages.reports.AT_ONCE", 20)
    text = client.get(HOME).text
    for part in reports.PARTS:
        assert f'data-load="{HOME}/{part}"' in text
        assert f'id="{part}"' in client.get(f"{HOME}/{part}").text


def test_there_is_no_other_part(client: TestClient) -> None:
    assert client.get(f"{HOME}/beauty").status_code == 404
