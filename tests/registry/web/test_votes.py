"""Choosing a cell and voting, in the API and on their pages."""

import re
from collections.abc import Iterator

import pytest
from sqlalchemy import delete
from starlette.testclient import TestClient

from sdxl_reg.catalog.grid_axes import GridRequest
from sdxl_reg.catalog.grids import plan
from sdxl_reg.store.database import transaction
from sdxl_reg.tables import Vote
from sdxl_reg.web.dependencies import Registry

GRID = "/api/v1/grids/1"


@pytest.fixture(autouse=True)
def _nobody_has_voted(own_registry: Registry, writer: TestClient) -> Iterator[None]:
    yield
    with transaction(own_registry.engine) as session:
        session.execute(delete(Vote))
    writer.post(f"{GRID}/pick", json={"by": "scores"})


def _best(client: TestClient) -> tuple[int, float | None]:
    (alias,) = client.get("/api/v1/artifacts/weipin-lora").json()["aliases"]
    return alias["version"], alias["strength"]


def test_a_person_overrules_the_scores_and_gives_way_to_them_again(writer: TestClient) -> None:
    said = writer.post(f"{GRID}/pick", json={"cell": 2, "reason": "the cleanest collar"}).json()
    assert (said["best"]["ref"], said["best"]["strength"]) == ("weipin-lora@1", 1.0)
    assert (said["pick"]["by"], said["pick"]["place"]) == ("person", [2, 0, 0])
    assert _best(writer) == (1, 1.0)
    page = writer.get("/grids/1").text
    assert "the cleanest collar" in page
    assert "chosen by a person" in page
    assert writer.post(f"{GRID}/pick", json={"by": "scores"}).json()["pick"]["by"] == "scores"
    assert _best(writer) == (3, 0.5)


@pytest.mark.parametrize(
    "body", [{}, {"cell": 2, "by": "scores"}, {"cell": -1}, {"by": "dice"}, {"cell": 2, "why": ""}]
)
def test_what_chooses_nothing_or_two_things_is_refused(
    writer: TestClient, body: dict[str, object]
) -> None:
    response = writer.post(f"{GRID}/pick", json=body)
    assert (response.status_code, response.json()["code"]) == (422, "invalid-request")


@pytest.mark.parametrize("cell", [0, 99])
def test_the_base_and_what_is_not_there_cannot_be_chosen(writer: TestClient, cell: int) -> None:
    response = writer.post(f"{GRID}/pick", json={"cell": cell})
    assert (response.status_code, response.json()["code"]) == (422, "invalid-value")
    assert writer.post("/api/v1/grids/9/pick", json={"cell": 1}).status_code == 404


def test_a_pair_is_two_pictures_of_one_draw_without_their_names(writer: TestClient) -> None:
    pair = writer.get(f"{GRID}/votes/next").json()
    assert pair["left"]["position"] != pair["right"]["position"]
    assert (pair["prompt"], pair["seed"], pair["votes"]) == ("qzy, spot", 1234, 0)
    for side in (pair["left"], pair["right"]):
        assert re.fullmatch(r"/api/v1/blobs/[0-9a-f]{64}", side["picture"])
        assert writer.get(side["picture"]).headers["content-type"] == "image/png"


def test_the_page_of_a_vote_tells_no_names(writer: TestClient) -> None:
    text = writer.get("/grids/1/vote").text
    assert "weipin-lora" not in text
    assert "strength" not in text
    assert 'alt="The picture on the left"' in text


def test_a_vote_is_kept_and_answered_with_the_next_pair(writer: TestClient) -> None:
    pair = writer.get(f"{GRID}/votes/next").json()
    said = {side: pair[side]["position"] for side in ("left", "right")}
    response = writer.post(f"{GRID}/votes", json={**said, "outcome": "left"})
    assert response.status_code == 201
    assert response.json()["votes"] == 1
    again = {response.json()[side]["position"] for side in ("left", "right")}
    assert again != set(said.values())


def test_votes_make_a_ranking_with_intervals_and_a_plain_word(writer: TestClient) -> None:
    assert writer.get(f"{GRID}/votes").json()["verdict"] == "nobody has voted yet"
    positions = (1, 2, 4, 5, 7, 8)
    for loser in positions[:-1]:
        for _ in range(4):
            vote = {"left": 8, "right": loser, "outcome": "left"}
            assert writer.post(f"{GRID}/votes", json=vote).status_code == 201
    found = writer.get(f"{GRID}/votes").json()
    first = found["ranking"][0]
    assert (found["votes"], first["candidate"], first["wins"]) == (20, "weipin-lora@3 at 1", 20)
    assert first["low"] < first["strength"] < first["high"]
    page = writer.get("/grids/1/vote/ranking").text
    assert "weipin-lora@3 at 1" in page
    assert found["verdict"] in page
    assert page.count('class="interval"') == len(found["ranking"])


@pytest.mark.parametrize(
    "body",
    [
        {"left": 1, "right": 1, "outcome": "tie"},
        {"left": 1, "right": 77, "outcome": "left"},
        {"left": 1, "right": 2, "outcome": "both"},
        {"left": 1},
    ],
)
def test_a_vote_on_what_was_not_shown_is_refused(
    writer: TestClient, body: dict[str, object]
) -> None:
    assert writer.post(f"{GRID}/votes", json=body).status_code == 422


def test_a_grid_with_nothing_to_compare_says_so(own_registry: Registry, writer: TestClient) -> None:
    request = GridRequest(artifact="weipin-lora", strengths=(0.0, 0.7), prompts=("a collar",))
    planned = plan(own_registry.engine, own_registry.store, own_registry.settings, request)
    path = f"/grids/{planned.grid_id}/vote"
    assert writer.get(f"/api/v1{path}s/next").status_code == 409
    page = writer.get(path)
    assert page.status_code == 409
    assert "Draw one with several versions or strengths" in page.text
