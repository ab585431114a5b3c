"""Training through the API: what is refused, what is trained, cancelled, lost and gone on with.

Trainings are real: the built-in base, a few steps, in a process of their own, as for people.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from sdxl_reg.catalog.access.credentials import issue_token
from sdxl_reg.catalog.access.projects import move
from sdxl_reg.catalog.access.users import add_user, set_role
from sdxl_reg.catalog.references import MAIN
from sdxl_reg.catalog.runs import cancel, new_run
from sdxl_reg.store.database import transaction
from sdxl_reg.vocabulary import Role, RunKind
from sdxl_reg.web.app import create_app
from sdxl_reg.web.dependencies import Registry
from tests.registry.web.at_work import asked_elsewhere, has_ended, processes_of, until
from tests.registry.web.conftest import ADDRESS
from tests.registry.web.example_registry import build

RUNS = "/api/v1/runs"
QUICK: dict[str, Any] = {
    "resolution": 64,
    "rank": 2,
    "train_batch_size": 2,
    "max_train_steps": 4,
    "save_every_n_steps": 2,
    "preview": False,
    "seed": 7,
}
LONG = QUICK | {"max_train_steps": 4000, "save_every_n_steps": 4, "save_state_every_n_steps": 2}
SIX = QUICK | {"max_train_steps": 24, "save_state_every_n_steps": 2}


def body(name: str, **settings: Any) -> dict[str, Any]:
    """A request for a short training."""
    return {
        "trainer": "lora",
        "dataset": "weipin",
        "name": name,
        "settings": QUICK | settings,
    }


def has_made_a_version(run: dict[str, Any]) -> bool:
    """Whether a training has made something and goes on."""
    assert run["state"] in ("queued", "running"), run["error"]
    return bool(run["outputs"])


@pytest.mark.slow
def test_a_training_goes_from_a_request_to_versions(writer: TestClient) -> None:
    response = writer.post(RUNS, json=body("by-http"))
    assert response.status_code == 202, response.text
    begun = response.json()
    assert response.headers["location"] == begun["url"]
    assert (begun["kind"], begun["trainer"], begun["can_cancel"]) == ("train", "lora", True)
    assert (begun["spec"]["config"]["rank"], begun["spec"]["artifact"]) == (2, "by-http")
    done = until(writer, begun["url"], has_ended)
    assert (done["state"], done["error"]) == ("succeeded", None)
    assert [output["ref"] for output in done["outputs"]] == [
        "artifact:by-http@1",
        "artifact:by-http@2",
    ]
    assert [step for step, _ in done["metrics"]["loss"]] == [1, 2, 3, 4]
    assert {slot["slot"]: slot["ref"] for slot in done["inputs"]} == {
        "base": "artifact:micro@1",
        "dataset": "dataset:weipin@1",
    }
    again = writer.post(f"{begun['url']}/resume", json={})
    assert again.status_code == 409
    assert "has done all it had to" in again.json()["detail"]
    ended = writer.post(f"{begun['url']}/cancel", json={})
    assert ended.status_code == 409
    assert ended.json()["remedy"]


@pytest.mark.slow
def test_runs_wait_for_each_other_are_cancelled_and_gone_on_with(
    writer: TestClient, own_registry: Registry
) -> None:
    first = writer.post(RUNS, json=body("cancelled", **LONG)).json()
    second = writer.post(RUNS, json=body("waits")).json()
    assert (first["place"], second["place"], second["state"]) == (0, 1, "queued")
    assert writer.post(f"{second['url']}/resume", json={}).status_code == 409
    gone = writer.post(f"{second['url']}/cancel", json={}).json()
    assert (gone["state"], gone["error"]) == ("cancelled", "cancelled before it began")
    assert (gone["can_cancel"], gone["can_resume"]) == (False, True)

    working = until(writer, first["url"], has_made_a_version)
    assert working["progress"]["what"] == "train"
    assert working["progress"]["total"] == LONG["max_train_steps"]
    listed = writer.get(f"{RUNS}?state=running&kind=train").json()["items"]
    assert [run["id"] for run in listed] == [first["id"]]
    assert len(processes_of(own_registry, first["id"])) == 1
    assert writer.post(f"{first['url']}/cancel", json={}).json()["state"] in (
        "cancelling",
        "cancelled",
    )
    ended = until(writer, first["url"], has_ended)
    assert (ended["state"], ended["error"]) == ("cancelled", "interrupted by the user")
    assert processes_of(own_registry, first["id"]) == []

    assert writer.post(f"{second['url']}/resume", json={}).status_code == 202
    assert until(writer, second["url"], has_ended)["state"] == "succeeded"


def test_a_grid_is_gone_on_with_and_ended(writer: TestClient, own_registry: Registry) -> None:
    (begun,) = writer.get(f"{RUNS}?state=queued&kind=grid").json()["items"]
    assert begun["place"] is None
    resumed = writer.post(f"{begun['url']}/resume", json={})
    assert (resumed.status_code, resumed.json()["place"]) == (202, 0)
    assert writer.post(f"{begun['url']}/cancel", json={}).status_code == 202
    assert until(writer, begun["url"], has_ended)["state"] == "cancelled"
    assert processes_of(own_registry, begun["id"]) == []


def test_what_begins_anew_each_time_is_not_gone_on_with(
    writer: TestClient, own_registry: Registry
) -> None:
    with transaction(own_registry.engine) as session:
        run = new_run(session, RunKind.DOWNSTREAM, "evaluate x: twice", {}, project=MAIN)
        cancel(session, run.id)
    response = writer.post(f"{RUNS}/{run.id}/resume", json={})
    assert (response.status_code, response.json()["code"]) == (409, "conflict")
    assert "sdxl-reg evaluate x" in response.json()["remedy"]
    assert writer.get(f"{RUNS}/{run.id}").json()["can_resume"] is False


@pytest.mark.slow
def test_the_training_of_a_server_that_was_killed_is_lost_and_goes_on_elsewhere(
    own_registry: Registry,
) -> None:
    bodies = (body("killed", **SIX), body("queued"))
    with asked_elsewhere(own_registry, RUNS, *bodies) as (server, begun):
        address, waiting = (run["url"] for run in begun)
        with TestClient(create_app(own_registry), base_url=ADDRESS) as client:
            until(client, address, has_made_a_version)
            server.kill()
            server.wait()
            lost = until(client, address, has_ended)
            assert (lost["state"], lost["error"]) == ("lost", "its process is gone")
            left = client.get(waiting).json()
            assert (left["state"], left["place"], left["can_resume"]) == ("queued", None, True)
            for url in (address, waiting):
                assert client.post(f"{url}/resume", json={}).status_code == 202
            done = until(client, address, has_ended)
            assert until(client, waiting, has_ended)["state"] == "succeeded"
    assert (done["state"], done["attempts"]) == ("succeeded", 2)
    assert len(done["outputs"]) == SIX["max_train_steps"] // SIX["save_every_n_steps"]
    assert [step for step, _ in done["metrics"]["loss"]] == list(
        range(1, SIX["max_train_steps"] + 1)
    )


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        (
            {"settings": {"rank": 0, "alpah": 1, "learning_rate": 99}, "colour": "red"},
            {"body.settings.rank", "body.settings.alpah", "body.settings.learning_rate"}
            | {"body.colour"},
        ),
        ({"trainer": "lara"}, {"body.trainer"}),
        ({"settings": {"optimizer_type": "os.path.Thing"}}, {"body.settings.optimizer_type"}),
        (
            {
                "trainer": "kohya-lora",
                "settings": {
                    "sd_scripts_options": {"network_weights": "/etc/passwd"},
                    "network_module": "os",
                    "network_args": {"preset": "/etc/passwd"},
                    "sample_prompts": ["a mug --cn /etc/passwd"],
                    "rank": 0,
                },
            },
            {
                f"body.settings.{name}"
                for name in ("sd_scripts_options", "network_module", "network_args")
            }
            | {"body.settings.sample_prompts", "body.settings.rank"},
        ),
        (
            {"config_path": "/etc", "start_path": "/etc/passwd"},
            {"body.config_path", "body.start_path"},
        ),
        ({"settings": {"optimizer_args": {"eps": float("nan")}}}, {"body.settings.optimizer_args"}),
        ({"settings": {"training_comment": "\ud800"}}, {"body.settings.training_comment"}),
    ],
)
def test_every_fault_is_told_at_once(
    client: TestClient, changes: dict[str, Any], fields: set[str]
) -> None:
    before = client.get(RUNS).json()["items"][0]["id"]
    said = json.dumps(body("refused") | changes)
    response = client.post(RUNS, content=said, headers={"Content-Type": "application/json"})
    assert response.status_code == 422, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert {fault["field"] for fault in response.json()["errors"]} == fields
    assert client.get(RUNS).json()["items"][0]["id"] == before


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"dataset": "nothing"}, 404),
        ({"dataset": "weipin@99"}, 404),
        ({"dataset": "/etc"}, 404),
        ({"base": "nothing"}, 404),
        ({"base": "weipin-lora"}, 422),
        ({"start": "weipin-lora@99"}, 404),
        ({"name": "micro"}, 409),
        ({"name": "../up"}, 422),
    ],
)
def test_what_cannot_be_trained_is_refused_before_anything_is_recorded(
    client: TestClient, changes: dict[str, Any], status: int
) -> None:
    before = client.get(RUNS).json()["items"][0]["id"]
    response = client.post(RUNS, json=body("refused") | changes)
    assert response.status_code == status, response.text
    assert response.json()["remedy"]
    assert client.get(RUNS).json()["items"][0]["id"] == before


def test_a_base_is_a_recorded_one_and_no_path_on_the_server(
    client: TestClient, tiny_base: Path
) -> None:
    for said in (str(tiny_base), f"../{tiny_base.name}", "~/base", "https://example.org/base"):
        response = client.post(RUNS, json=body("refused") | {"base": said})
        assert response.status_code in (404, 422), said


def test_the_list_is_narrowed_by_state_and_kind(client: TestClient) -> None:
    def listed(query: str) -> set[tuple[str, str]]:
        items = client.get(f"{RUNS}?{query}").json()["items"]
        return {(run["state"], run["kind"]) for run in items}

    assert listed("state=succeeded") == {
        ("succeeded", "train"),
        ("succeeded", "grid"),
        ("succeeded", "generate"),
    }
    assert listed("state=queued&kind=train") == {("queued", "train")}
    assert client.get(f"{RUNS}?state=asleep").status_code == 422


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, TestClient]]:
    """Name of a user → their client; the set lies in `main`, its LoRA in `lab`."""
    registry = build(tmp_path_factory.mktemp("projects"))
    secrets = {}
    with transaction(registry.engine) as session:
        move(session, ["artifact:weipin-lora"], "lab")
        add_user(session, "boss", is_admin=True)
        for name, roles in {
            "here": {"main": Role.TRAINER},
            "looks": {"main": Role.TRAINER, "lab": Role.READER},
            "there": {"lab": Role.TRAINER, "main": Role.READER},
        }.items():
            user = add_user(session, name)
            for project, role in roles.items():
                set_role(session, user, project, role)
            secrets[name] = issue_token(session, user, "all", role=Role.ADMIN).secret
    app = create_app(registry)
    with TestClient(app, base_url=ADDRESS):
        yield {
            name: TestClient(app, base_url=ADDRESS, headers={"Authorization": f"Bearer {secret}"})
            for name, secret in secrets.items()
        }
    registry.engine.dispose()


@pytest.mark.parametrize(
    ("name", "changes", "status", "said"),
    [
        ("there", {}, 403, "takes trainer"),
        ("there", {"dataset": "weipin@1"}, 403, "takes trainer"),
        ("here", {"name": "weipin-lora"}, 409, "is taken"),
        ("looks", {"name": "weipin-lora"}, 403, "takes trainer"),
        ("here", {"start": "weipin-lora@1"}, 404, "no such artifact"),
    ],
)
def test_it_takes_a_trainer_of_the_project_of_the_data_and_of_the_artifact(
    projects: dict[str, TestClient], name: str, changes: dict[str, Any], status: int, said: str
) -> None:
    response = projects[name].post(RUNS, json=body("") | changes)
    assert response.status_code == status, response.text
    assert said in response.json()["detail"]


def test_pages_offer_work_to_those_who_may_do_it(projects: dict[str, TestClient]) -> None:
    for name, is_offered in (("here", True), ("there", False)):
        for path, offer in (
            ("/image-sets/weipin", "/image-sets/weipin/train"),
            ("/datasets/weipin@1", "/image-sets/weipin/train?dataset=weipin%401"),
            ("/runs/3", 'data-deed="cancel"'),
        ):
            page = projects[name].get(path)
            assert page.status_code == 200
            assert (offer in page.text) is is_offered, (name, path)


def test_the_form_is_of_the_set_that_the_version_was_frozen_of(client: TestClient) -> None:
    assert client.get("/image-sets/weipin/train?dataset=weipin@1").status_code == 200
    assert client.get("/image-sets/weipin/train?dataset=weipin@9").status_code == 404
    assert client.get("/image-sets/weipin/train?trainer=lara").status_code == 422
    assert client.get("/image-sets/nothing/train").status_code == 404


def test_a_run_that_only_waits_in_the_records_can_be_cancelled_once(
    projects: dict[str, TestClient],
) -> None:
    here, there = projects["here"], projects["there"]
    (waiting,) = here.get(f"{RUNS}?state=queued&kind=train").json()["items"]
    assert there.post(f"{waiting['url']}/cancel", json={}).status_code == 403
    assert here.post(f"{waiting['url']}/cancel", json={}).json()["state"] == "cancelled"
    again = here.post(f"{waiting['url']}/cancel", json={})
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    resumed = here.post(f"{waiting['url']}/resume", json={})
    assert resumed.status_code == 404
    assert "machine that it ran on" in resumed.json()["remedy"]
