"""Drawing through the API: what is refused, what is drawn, and what a lost server leaves.

Pictures come from the tiny base, in a process of their own, as they do for people.
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from sdxl_reg.catalog.bases import find_base
from sdxl_reg.catalog.references import MAIN
from sdxl_reg.jobs.pictures import PictureSpec
from sdxl_reg.jobs.standby import Standby
from sdxl_reg.store.database import reading, transaction, upgrade
from sdxl_reg.web.app import create_app
from sdxl_reg.web.dependencies import Registry
from sdxl_reg.web.schemas.generation_requests import GenerationBody, request_of
from tests.registry.web.at_work import (
    asked_elsewhere,
    has_ended,
    is_halfway,
    opened,
    processes_of,
    until,
)
from tests.registry.web.conftest import ADDRESS

GENERATIONS = "/api/v1/generations"
QUICK = {"prompt": "a mug", "base": "base", "num_inference_steps": 1, "seed": 5}
ELSEWHERE = {"base", "prompt", "seed", "refiner", "init_image", "mask", "vae", "adapters"}
"""Fields of a picture that a body has under rules of its own, or in its prompt, or not at all."""


@pytest.fixture(scope="module")
def tiny_registry(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry with the tiny base and nothing else."""
    home = tmp_path_factory.mktemp("tiny-registry")
    registry = opened(home)
    upgrade(registry.engine)
    with transaction(registry.engine) as session:
        find_base(session, registry.store, str(tiny_base))
    yield registry
    registry.engine.dispose()


@pytest.fixture(scope="module")
def drawer(tiny_registry: Registry) -> Iterator[TestClient]:
    """A client of a server that draws on the tiny base."""
    with TestClient(create_app(tiny_registry), base_url=ADDRESS) as client:
        yield client


def test_pictures_are_drawn_in_the_background_and_become_images(drawer: TestClient) -> None:
    response = drawer.post(GENERATIONS, json={**QUICK, "count": 2})
    assert response.status_code == 202, response.text
    begun = response.json()
    assert response.headers["location"] == begun["url"]
    assert (begun["drawn"], begun["total"], begun["is_waiting"]) == (0, 2, True)
    done = until(drawer, begun["url"], has_ended)
    assert (done["state"], done["drawn"], done["failed"]) == ("succeeded", 2, 0)
    assert [picture["request"]["seed"] for picture in done["pictures"]] == [5, 6]
    for picture in done["pictures"]:
        assert picture["request"]["base"] == "base@1"
        image = drawer.get(picture["image"]).json()
        assert (image["width"], image["height"], image["format"]) == (64, 64, "PNG")
        assert drawer.get(picture["thumbnail"]).headers["content-type"] == "image/jpeg"
    page = drawer.get(f"/generations/{done['id']}").text
    assert "sdxl-reg generate &#39;a mug&#39; --seed 6 --base base@1" in page
    assert f'href="/lineage/generation:{done["id"]}"' in page
    assert drawer.get(GENERATIONS).json()["items"][0]["thumbnails"]


def test_several_prompts_are_drawn_from_each_seed_one_generation_after_the_other(
    drawer: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    processes: list[tuple[object, object]] = []

    def start(standby: Standby, folder: Path) -> "subprocess.Popen[bytes]":
        waiting = standby._waiting
        process = begin(standby, folder)
        processes.append((waiting, process))
        return process

    begin = Standby.start
    monkeypatch.setattr(Standby, "start", start)
    body = {**QUICK, "prompts": ["a mug", "a shoe"], "count": 2}
    del body["prompt"]
    first = drawer.post(GENERATIONS, json=body).json()
    second = drawer.post(GENERATIONS, json={**QUICK, "seed": 9}).json()
    assert (first["total"], second["state"]) == (4, "queued")
    again = drawer.post(f"{second['url']}/resume", json={})
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    assert until(drawer, second["url"], has_ended)["state"] == "succeeded"
    assert drawer.get(first["url"]).json()["drawn"] == 4  # the first one was done before
    assert processes[1][0] is processes[1][1]  # it waited from the end of the first one on
    complete = drawer.post(f"{second['url']}/resume", json={})
    assert complete.status_code == 409
    assert "complete" in complete.json()["detail"]


def test_without_a_seed_any_is_taken_and_the_next_ones_count_on(tiny_registry: Registry) -> None:
    body = GenerationBody(prompt="a mug", count=3)
    with reading(tiny_registry.engine) as session:
        one, other = (request_of(session, body, MAIN).seeds for _ in range(2))
    assert one[0] != other[0]
    assert list(one) == [one[0], one[0] + 1, one[0] + 2]


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"prompt": None}, {"body"}),
        ({"prompts": ["a shoe"]}, {"body"}),
        (
            {"num_inference_steps": 0, "guidance_scale": -1, "count": 0},
            {"body.num_inference_steps", "body.guidance_scale", "body.count"},
        ),
        ({"width": 72, "height": 9000}, {"body.height"}),
        ({"width": 72, "height": 8 * 9}, {"width", "height"}),
        ({"init_image": "/etc/passwd", "mask": "../x"}, {"body.init_image", "body.mask"}),
        ({"vae": "/etc/passwd", "config_path": "/"}, {"body.vae", "body.config_path"}),
    ],
)
def test_every_fault_is_told_at_once(
    drawer: TestClient, changes: dict[str, Any], fields: set[str]
) -> None:
    response = drawer.post(GENERATIONS, json={**QUICK, **changes})
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert {fault["field"] for fault in response.json()["errors"]} == fields


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"sampler": "Eular"}, 422, "unknown-name"),
        ({"prompt": "a mug <lora:nothing:1>"}, 404, "not-found"),
        ({"base": "nothing"}, 404, "not-found"),
        ({"prompts": ["a"] * 600, "prompt": None, "count": 2}, 422, "invalid-value"),
        ({"init_image": "0" * 64}, 404, "not-found"),
    ],
)
def test_what_cannot_be_drawn_is_refused_before_anything_is_recorded(
    drawer: TestClient, changes: dict[str, Any], status: int, code: str
) -> None:
    before = drawer.get("/api/v1/runs").json()["items"]
    response = drawer.post(GENERATIONS, json={**QUICK, **changes})
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert drawer.get("/api/v1/runs").json()["items"] == before


def test_a_base_is_a_recorded_one_and_no_path_on_the_server(
    drawer: TestClient, tiny_base: Path
) -> None:
    for said in (str(tiny_base), f"../{tiny_base.name}", "~/base"):
        for field in ("base", "refiner"):
            response = drawer.post(GENERATIONS, json={**QUICK, field: said})
            assert response.status_code in (404, 422), said


def test_a_body_has_the_settings_of_a_picture_within_the_same_limits() -> None:
    pictures, bodies = (
        model.model_json_schema()["properties"] for model in (PictureSpec, GenerationBody)
    )
    names = set(pictures) - ELSEWHERE
    assert names <= set(bodies)
    limits = ("minimum", "maximum", "exclusiveMinimum", "multipleOf")
    for name in names - {"sampler", "schedule", "hires_upscaler"}:
        said = next(option for option in bodies[name]["anyOf"] if option["type"] != "null")
        wanted = {limit: pictures[name].get(limit) for limit in limits}
        assert {limit: said.get(limit) for limit in limits} == wanted, name
    assert bodies["seed"]["anyOf"][0]["minimum"] == 0


MANY = {**QUICK, "count": 16, "batch_size": 1, "num_inference_steps": 20}


def test_a_server_that_ends_ends_its_work_and_another_goes_on(tiny_registry: Registry) -> None:
    with TestClient(create_app(tiny_registry), base_url=ADDRESS) as client:
        begun = client.post(GENERATIONS, json=MANY).json()
        waiting = client.post(GENERATIONS, json={**QUICK, "seed": 77}).json()
        until(client, begun["url"], is_halfway)
        assert len(processes_of(tiny_registry, begun["run"])) == 1
    assert processes_of(tiny_registry, begun["run"]) == []
    with TestClient(create_app(tiny_registry), base_url=ADDRESS) as client:
        kept = client.get(begun["url"]).json()
        assert (kept["state"], kept["error"]) == ("cancelled", "interrupted by the user")
        assert kept["drawn"] >= 1
        assert client.get(waiting["url"]).json()["state"] == "cancelled"
        assert 'data-deed="resume"' in client.get(f"/generations/{begun['id']}").text
        assert client.post(f"{begun['url']}/resume", json={}).status_code == 202
        done = until(client, begun["url"], has_ended)
    assert (done["state"], done["drawn"]) == ("succeeded", 16)
    before = {picture["sha256"] for picture in kept["pictures"] if picture["sha256"]}
    assert before <= {picture["sha256"] for picture in done["pictures"]}


def test_a_generation_is_ended_and_gone_on_with_by_its_run(drawer: TestClient) -> None:
    begun = drawer.post(GENERATIONS, json=MANY | {"seed": 900}).json()
    run = f"/api/v1/runs/{begun['run']}"
    until(drawer, begun["url"], is_halfway)
    assert drawer.post(f"{run}/cancel", json={}).status_code == 202
    ended = until(drawer, begun["url"], has_ended)
    assert ended["state"] == "cancelled"
    assert 0 < ended["drawn"] < ended["total"]
    assert drawer.post(f"{run}/resume", json={}).status_code == 202
    done = until(drawer, begun["url"], has_ended)
    assert (done["state"], done["drawn"]) == ("succeeded", done["total"])


def test_the_run_of_a_server_that_was_killed_is_lost_and_goes_on_elsewhere(
    tiny_registry: Registry,
) -> None:
    with asked_elsewhere(tiny_registry, GENERATIONS, MANY | {"seed": 500}) as (server, (begun,)):
        address = begun["url"]
        with TestClient(create_app(tiny_registry), base_url=ADDRESS) as client:
            until(client, address, is_halfway)
            server.kill()
            server.wait()
            lost = until(client, address, has_ended)
            assert (lost["state"], lost["error"]) == ("lost", "its process is gone")
            assert client.post(f"{address}/resume", json={}).status_code == 202
            done = until(client, address, has_ended)
    reasons = {picture["reason"] for picture in done["pictures"]}
    told = (done["state"], done["error"], done["drawn"], reasons)
    assert told == ("succeeded", None, 16, {""})
