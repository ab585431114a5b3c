"""Grids through the API: what is refused, drawn, picked, ended, lost and gone on with.

Cells come from the tiny base and two random LoRAs, in a process of its own, as they do for people.
"""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from sdxl_reg.catalog.access.credentials import issue_token
from sdxl_reg.catalog.access.projects import move
from sdxl_reg.catalog.access.users import add_user, set_role
from sdxl_reg.evaluation.networks.names import SHIPPED
from sdxl_reg.jobs.pictures import PictureSpec
from sdxl_reg.store.database import transaction, upgrade
from sdxl_reg.vocabulary import Role
from sdxl_reg.web.app import create_app
from sdxl_reg.web.dependencies import Registry
from sdxl_reg.web.schemas.grid_requests import GridBody
from sdxl_reg_cli.main import main
from tests.registry.catalog.hand_trained import train_by_hand
from tests.registry.web.at_work import asked_elsewhere, has_ended, is_halfway, opened, until
from tests.registry.web.conftest import ADDRESS
from tests.registry.web.test_generations import ELSEWHERE

GRIDS = "/api/v1/grids"
PLANS = "/api/v1/grid-plans"
QUICK: dict[str, Any] = {
    "artifact": "x-lora",
    "strengths": [0, 1],
    "prompts": ["red", "blue"],
    "num_inference_steps": 1,
}
MANY = QUICK | {"strengths": [0, 0.3, 0.6, 0.9], "prompts": ["red"], "batch_size": 1}
MANY |= {"num_inference_steps": 8}


def shop(home: Path, base: Path, loras: list[Path]) -> Registry:
    """A registry with a set of red and blue pictures and two versions of x-lora trained on it."""
    registry = opened(home / "home")
    upgrade(registry.engine)
    train_by_hand(registry.engine, registry.store, home, base, loras)
    return registry


@pytest.fixture(scope="module")
def trained(
    tiny_base: Path, tiny_loras: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Registry]:
    registry = shop(tmp_path_factory.mktemp("trained"), tiny_base, tiny_loras)
    yield registry
    registry.engine.dispose()


@pytest.fixture(scope="module")
def server(trained: Registry) -> Iterator[TestClient]:
    with TestClient(create_app(trained), base_url=ADDRESS) as client:
        yield client


def test_a_grid_is_planned_begun_drawn_and_picked_as_by_the_command(
    server: TestClient,
    tiny_base: Path,
    tiny_loras: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    plan = server.post(PLANS, json=QUICK).json()
    assert (plan["cells"], plan["to_draw"]) == (2 * 2 * 2, 2 * (1 + 2))
    assert (plan["versions"], plan["datasets"]) == (["x-lora@1", "x-lora@2"], ["shop@1"])
    assert server.get(GRIDS).json()["items"] == []  # nothing is recorded by asking

    response = server.post(GRIDS, json=QUICK)
    assert response.status_code == 202, response.text
    begun = response.json()
    assert response.headers["location"] == begun["url"]
    assert {name: begun[name] for name in plan} == plan
    assert begun["is_resumed"] is False
    done = until(server, begun["url"], has_ended)
    assert done["state"] == "succeeded"
    assert [cell["state"] for cell in done["cells"]] == ["drawn"] * 8
    best = server.get("/api/v1/artifacts/x-lora/aliases/best").json()
    assert best["version"] == int(done["best"]["ref"].partition("@")[2])
    assert server.get(f"/api/v1/runs/{begun['run']}").json()["outputs"] == [
        {"slot": "grid", "ref": f"grid:{begun['id']}"}
    ]
    again = server.post(PLANS, json=QUICK).json()
    assert (again["cells"], again["to_draw"]) == (8, 0)

    elsewhere = shop(tmp_path, tiny_base, tiny_loras)
    monkeypatch.setenv("SDXL_REG_HOME", str(tmp_path / "home"))
    words = ["--strengths", "0,1", "--prompt", "red", "--prompt", "blue", "--steps", "1"]
    with pytest.raises(SystemExit):
        main(["grid", "x-lora", *words, "--json"])
    told = json.loads(capsys.readouterr().out)
    with TestClient(create_app(elsewhere), base_url=ADDRESS) as other:
        theirs = other.get("/api/v1/artifacts/x-lora/aliases/best").json()
        same = other.get(f"{GRIDS}/{told['grid']}").json()
    elsewhere.engine.dispose()
    for name in ("version", "strength", "reason"):
        assert best[name] == theirs[name]
    assert [cell["sha256"] for cell in same["cells"]] == [cell["sha256"] for cell in done["cells"]]
    assert same["pick"] == done["pick"]


def test_the_same_grid_is_begun_once_and_one_that_waits_draws_only_what_is_missing_then(
    server: TestClient, trained: Registry
) -> None:
    wanted = QUICK | {"seeds": [41], "num_inference_steps": 8}
    first = server.post(GRIDS, json=wanted).json()
    larger = server.post(GRIDS, json=wanted | {"seeds": [41, 42]}).json()
    twice = server.post(GRIDS, json=wanted | {"seeds": [41, 42]}).json()
    assert twice["id"] == larger["id"] != first["id"]
    assert twice["is_resumed"] is True
    assert larger["to_draw"] == 2 * 2 * (1 + 2)  # of neither seed there is anything yet
    key = {"Idempotency-Key": "once"}
    answers = [server.post(GRIDS, json=wanted | {"seeds": [43]}, headers=key) for _ in range(2)]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    assert answers[1].headers["idempotency-replayed"]
    assert until(server, larger["url"], has_ended)["state"] == "succeeded"
    assert len(drawn_in(trained, larger["run"])) == 2 * (1 + 2)
    assert until(server, answers[0].json()["url"], has_ended)["state"] == "succeeded"


def drawn_in(registry: Registry, run_id: int) -> list[str]:
    """Keys of the cells that the newest process of a run drew, in their order."""
    events = registry.settings.runs_path / str(run_id) / "events.jsonl"
    lines = [json.loads(line) for line in events.read_text().splitlines()]
    return [line["key"] for line in lines if line["type"] == "cell"]


def test_a_grid_is_ended_and_gone_on_with(server: TestClient, trained: Registry) -> None:
    begun = server.post(GRIDS, json=MANY).json()
    until(server, begun["progress"], is_halfway)
    conflict = server.post(f"{begun['url']}/resume", json={})
    assert (conflict.status_code, conflict.json()["code"]) == (409, "conflict")
    assert server.post(f"/api/v1/runs/{begun['run']}/cancel", json={}).status_code == 202
    ended = until(server, begun["progress"], has_ended)
    assert ended["state"] == "cancelled"
    assert ended["drawn"] < ended["total"]
    assert server.post(f"{begun['url']}/resume", json={}).status_code == 202
    done = until(server, begun["url"], has_ended)
    assert done["state"] == "succeeded"
    assert done["best"] is not None


def test_one_that_waits_is_ended_at_once_and_never_begins(server: TestClient) -> None:
    busy = server.post(GRIDS, json=MANY | {"seeds": [7]}).json()
    waiting = server.post(GRIDS, json=QUICK | {"seeds": [8]}).json()
    assert waiting["state"] == "queued"
    assert server.post(f"/api/v1/runs/{waiting['run']}/cancel", json={}).json()["state"] == (
        "cancelled"
    )
    server.post(f"/api/v1/runs/{busy['run']}/cancel", json={})
    until(server, busy["progress"], has_ended)
    time.sleep(0.5)
    assert server.get(waiting["progress"]).json()["state"] == "cancelled"
    assert server.post(f"/api/v1/runs/{waiting['run']}/resume", json={}).status_code == 202
    assert until(server, waiting["url"], has_ended)["state"] == "succeeded"


def test_the_grid_of_a_server_that_was_killed_goes_on_and_no_kept_cell_is_made_again(
    trained: Registry,
) -> None:
    wanted = MANY | {"seeds": [500]}
    with asked_elsewhere(trained, GRIDS, wanted) as (process, (begun,)):
        address = begun["url"]
        with TestClient(create_app(trained), base_url=ADDRESS) as client:
            until(client, f"{address}/progress", is_halfway)
            process.kill()
            process.wait()
            lost = until(client, address, has_ended)
            assert lost["state"] == "lost"
            assert lost["best"] is None
            kept = {cell["key"]: cell["sha256"] for cell in lost["cells"] if cell["sha256"]}
            assert client.post(f"{address}/resume", json={}).status_code == 202
            done = until(client, address, has_ended)
    assert done["state"] == "succeeded"
    assert all(cell["state"] == "drawn" for cell in done["cells"])
    pictures = {cell["key"]: cell["sha256"] for cell in done["cells"]}
    assert kept.items() <= pictures.items()
    later = drawn_in(trained, done["run"])
    assert set(later) == set(pictures) - set(kept)
    assert len(later) == len(set(later))


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"artifact": ""}, {"body.artifact"}),
        ({"strengths": [0, 9], "seeds": []}, {"body.strengths.1", "body.seeds"}),
        (
            {"weights": ["fidelity=0"], "gates": ["kid"], "versions": "one", "x": "steps"},
            {"body.weights", "body.gates", "body.versions", "body.x"},
        ),
        ({"y": "colour=red"}, {"body.y"}),
        ({"image_network": "resnet"}, {"body.image_network"}),
        ({"width": 72, "height": 9000}, {"body.height"}),
        ({"width": 72, "height": 72}, {"width", "height"}),
        ({"vae": "/etc/passwd", "out": "x.png"}, {"body.vae", "body.out"}),
    ],
)
@pytest.mark.parametrize("address", [GRIDS, PLANS])
def test_every_fault_is_told_at_once(
    server: TestClient, address: str, changes: dict[str, Any], fields: set[str]
) -> None:
    response = server.post(address, json=QUICK | changes)
    assert response.status_code == 422, response.text
    assert {fault["field"] for fault in response.json()["errors"]} == fields


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"artifact": "y-lora"}, 404, "not-found"),
        ({"versions": "9"}, 404, "not-found"),
        ({"artifact": "base"}, 409, "conflict"),
        ({"sampler": "Eular"}, 422, "unknown-name"),
        ({"prompts": ["red <lora:nothing:1>"]}, 404, "not-found"),
        ({"y": "seed=0:999:1", "z": "steps=1:99:1"}, 422, "invalid-value"),
        ({"image_network": "dinov2:nobody/has-this"}, 404, "not-found"),
    ],
)
def test_what_cannot_be_compared_is_refused_before_anything_is_recorded(
    server: TestClient, changes: dict[str, Any], status: int, code: str
) -> None:
    before = server.get("/api/v1/runs").json()["items"][0]["id"]
    for address in (GRIDS, PLANS):
        response = server.post(address, json=QUICK | changes)
        assert (response.status_code, response.json()["code"]) == (status, code)
    assert server.get("/api/v1/runs").json()["items"][0]["id"] == before


def test_nothing_in_a_request_is_a_path_on_the_server(
    server: TestClient, tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here" / "net").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    for said in (str(tiny_base), f"../{tiny_base.name}", "~/base"):
        for changes in (
            {"base": said},
            {"refiner": said},
            {"z": f"base=base,{said}"},
            {"z": f"checkpoint={said}"},
        ):
            response = server.post(GRIDS, json=QUICK | changes)
            assert response.status_code in (404, 422), changes
    for network in (f"dinov2:{tmp_path}", "dinov2:here/net", "clip:../x", "clip:~/x"):
        for field in ("image_network", "text_network"):
            assert server.post(GRIDS, json=QUICK | {field: network}).status_code == 404, network


def test_a_body_has_the_settings_of_a_picture_within_the_same_limits() -> None:
    pictures, bodies = (
        model.model_json_schema()["properties"] for model in (PictureSpec, GridBody)
    )
    limits = ("minimum", "maximum", "exclusiveMinimum", "multipleOf")
    for name in set(pictures) - ELSEWHERE - {"sampler", "schedule", "hires_upscaler"}:
        said = next(option for option in bodies[name]["anyOf"] if option["type"] != "null")
        wanted = {limit: pictures[name].get(limit) for limit in limits}
        assert {limit: said.get(limit) for limit in limits} == wanted, name
    for name, part in bodies.items():
        assert part["description"], name
    assert bodies["image_network"]["default"] == SHIPPED


def test_it_takes_a_trainer_of_the_project_of_the_artifact(
    tiny_base: Path, tiny_loras: list[Path], tmp_path: Path
) -> None:
    registry = shop(tmp_path, tiny_base, tiny_loras)
    with transaction(registry.engine) as session:
        move(session, ["artifact:x-lora"], "lab")
        add_user(session, "boss", is_admin=True)
        user = add_user(session, "anna")
        set_role(session, user, "lab", Role.WRITER)
        set_role(session, user, "main", Role.TRAINER)
        secret = issue_token(session, user, "all").secret
    headers = {"Authorization": f"Bearer {secret}"}
    with TestClient(create_app(registry), base_url=ADDRESS, headers=headers) as client:
        for address in (GRIDS, PLANS):
            assert client.post(address, json=QUICK).status_code == 403
        assert client.get(GRIDS).json()["items"] == []
    registry.engine.dispose()
