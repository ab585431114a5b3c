"""The API: every noun is there, in the shape its schema says."""

import hashlib
import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from sdxl_reg.catalog.ancestry import lineage_of
from sdxl_reg.catalog.lineage_document import graph_document
from sdxl_reg.store.database import reading
from sdxl_reg.web.dependencies import Registry
from tests.registry.web.example_registry import EVIL, STRENGTHS


def _got(client: TestClient, path: str) -> Any:
    """A response, of httpx or its successor as starlette chose."""
    response = client.get(path)
    assert response.status_code == 200, response.text
    return response


def test_image_sets_are_listed_with_their_sizes(client: TestClient) -> None:
    (found,) = _got(client, "/api/v1/image-sets").json()["items"]
    assert (found["name"], found["images"], found["layout"]) == ("weipin", 21, "brand/state/defect")


def test_an_image_set_has_its_tags_as_a_tree_with_counts(client: TestClient) -> None:
    tags = _got(client, "/api/v1/image-sets/weipin").json()["tags"]
    assert [(tag["path"], tag["level"], tag["members_below"]) for tag in tags] == [
        ("lsbr", "brand", 8),
        ("qzy", "brand", 13),
    ]
    flawed = tags[1]["children"][0]
    assert [child["path"] for child in flawed["children"]] == ["qzy/flawed/fold", "qzy/flawed/spot"]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 21),
        ("tag=qzy", 13),
        ("tag=QZY/Flawed", 8),
        ("select=**/spot", 8),
        ("tag=qzy&select=**/spot", 4),
        ("select=brand:lsbr AND NOT defect:spot", 4),
        ("tag=nothing", 0),
    ],
)
def test_images_of_a_set_are_narrowed_down_by_tags(
    client: TestClient, query: str, count: int
) -> None:
    page = _got(client, f"/api/v1/image-sets/weipin/images?limit=100&{query}").json()
    assert len(page["items"]) == count
    assert page["next"] is None


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/api/v1/image-sets/weipin/images", "path"),
        ("/api/v1/datasets/weipin@1/entries", "position"),
        ("/api/v1/runs", "id"),
        ("/api/v1/artifacts", "name"),
    ],
)
def test_pages_of_a_list_together_are_the_list(client: TestClient, path: str, key: str) -> None:
    whole = [item[key] for item in _got(client, f"{path}?limit=500").json()["items"]]
    found, cursor = [], ""
    while cursor is not None:
        page = _got(client, f"{path}?limit=2&cursor={cursor}").json()
        assert len(page["items"]) <= 2
        found += [item[key] for item in page["items"]]
        cursor = page["next"]
    assert found == whole
    assert len(set(found)) == len(found) > 1


def test_an_image_is_known_by_the_beginning_of_its_digest(client: TestClient) -> None:
    member = _got(client, "/api/v1/image-sets/weipin/images?limit=1").json()["items"][0]
    image = _got(client, f"/api/v1/images/{member['sha256'][:12]}").json()
    assert image["sha256"] == member["sha256"]
    assert image["datasets"] == ["weipin@1"]
    (place,) = image["appearances"]
    assert [caption["text"] for caption in place["captions"]] == [EVIL, "lsbr, flawed, spot"]
    assert [caption["source"] for caption in place["captions"]] == ["person", "tags"]


def test_a_dataset_version_gives_its_manifest_and_entries(client: TestClient) -> None:
    (listed,) = _got(client, "/api/v1/datasets").json()["items"]
    dataset = _got(client, listed["url"]).json()
    assert (dataset["ref"], dataset["images"]) == ("weipin@1", 21)
    assert sum(dataset["tags"].values()) == 21
    manifest = _got(client, dataset["manifest"]).content
    assert hashlib.sha256(manifest).hexdigest() == dataset["digest"]
    lines = [json.loads(line) for line in manifest.splitlines()]
    entries = _got(client, dataset["entries"] + "?limit=100").json()["items"]
    assert [line["sha256"] for line in lines] == [entry["sha256"] for entry in entries]


def test_an_artifact_has_versions_and_aliases(client: TestClient) -> None:
    artifact = _got(client, "/api/v1/artifacts/weipin-lora").json()
    assert [version["epoch"] for version in artifact["versions"]] == [1, 2, 3]
    (alias,) = artifact["aliases"]
    assert (alias["name"], alias["version"]) == ("best", 3)
    assert "highest mean fidelity" in alias["reason"]


def test_a_version_answers_to_its_number_and_its_alias(client: TestClient) -> None:
    best = _got(client, "/api/v1/artifacts/weipin-lora/versions/best").json()
    assert best == _got(client, "/api/v1/artifacts/Weipin-LoRA/versions/3").json()
    assert (best["base"], best["run"], best["aliases"]) == ("micro@1", 1, ["best"])
    (file,) = best["files"]
    assert file["hashes"] == {"autov2": file["sha256"][:10]}


def test_a_run_has_its_inputs_outputs_metrics_and_log(client: TestClient) -> None:
    run = _got(client, "/api/v1/runs/1").json()
    assert run["state"] == "succeeded"
    assert {slot["ref"] for slot in run["inputs"]} == {"artifact:micro@1", "dataset:weipin@1"}
    assert [slot["ref"] for slot in run["outputs"]] == [
        f"artifact:weipin-lora@{number}" for number in (1, 2, 3)
    ]
    assert len(run["metrics"]["loss"]) == 30
    assert "finished" in _got(client, run["log"]).text
    assert _got(client, f"{run['log']}?tail_bytes=12").text == "finished\n"
    assert _got(client, "/api/v1/runs/3/log").text == ""


def test_runs_are_listed_newest_first(client: TestClient) -> None:
    runs = _got(client, "/api/v1/runs").json()["items"]
    assert [(run["id"], run["kind"]) for run in runs] == [
        (5, "grid"),
        (4, "generate"),
        (3, "train"),
        (2, "grid"),
        (1, "train"),
    ]


def test_a_grid_has_its_pick_and_every_cell_with_its_score(client: TestClient) -> None:
    listed = _got(client, "/api/v1/grids").json()["items"][-1]
    grid = _got(client, listed["url"]).json()
    assert (grid["best"]["ref"], grid["best"]["strength"]) == ("weipin-lora@3", 0.5)
    assert [cell["strength"] for cell in grid["cells"]] == list(STRENGTHS) * 3
    assert [(axis["id"], axis["field"]) for axis in grid["axes"]] == [
        ("x", "strength"),
        ("y", "version"),
    ]
    assert grid["pick"]["by"] == "scores"
    assert (grid["pick"]["place"], grid["pick"]["draws"]) == ([1, 2, 0], 1)
    for cell in grid["cells"]:
        assert [score["metric"] for score in cell["scores"]] == ["fidelity"]
        picture = _got(client, cell["picture"])
        assert picture.headers["content-type"] == "image/png"
        assert hashlib.sha256(picture.content).hexdigest() == cell["sha256"]
    assert _got(client, grid["sheet"]).content.startswith(b"\x89PNG")


@pytest.mark.parametrize("depth", [None, 1, 2])
@pytest.mark.parametrize(
    "reference", ["weipin-lora@best", "dataset:weipin@1", "grid:1", "image_set:weipin"]
)
def test_the_lineage_is_the_document_of_the_command_line(
    client: TestClient, registry: Registry, reference: str, depth: int | None
) -> None:
    with reading(registry.engine) as session:
        wanted = graph_document(lineage_of(session, reference, depth=depth))
    query = "" if depth is None else f"?depth={depth}"
    found = _got(client, f"/api/v1/lineage/{reference}{query}").json()
    assert found == json.loads(json.dumps(wanted))


def test_the_lineage_of_a_lora_reaches_every_picture_and_the_grid(client: TestClient) -> None:
    graph = _got(client, "/api/v1/lineage/weipin-lora@best").json()
    kinds = [node["kind"] for node in graph["nodes"]]
    assert kinds.count("image") == 21
    assert {"artifact", "dataset", "image_set", "grid"} < set(kinds)
    upwards = _got(client, "/api/v1/lineage/weipin-lora@best?way=up").json()
    assert "grid" not in {node["kind"] for node in upwards["nodes"]}


def test_a_trainer_says_its_settings_as_a_schema(client: TestClient) -> None:
    items = _got(client, "/api/v1/trainers").json()["items"]
    lora = next(item for item in items if item["name"] == "lora")
    assert lora == _got(client, "/api/v1/trainers/lora").json()
    assert lora["settings"]["properties"]["max_train_epochs"]["default"] >= 1


def test_every_address_that_answers_name_exists(client: TestClient) -> None:
    """Whatever the API calls an address can be fetched: a reader needs to build none itself."""
    seen: set[str] = set()
    queue = ["/api/v1/image-sets", "/api/v1/datasets", "/api/v1/artifacts", "/api/v1/grids"]
    queue += ["/api/v1/generations", "/api/v1/runs", "/api/v1/image-sets/weipin/images?limit=3"]
    while queue:
        path = queue.pop()
        if path in seen:
            continue
        seen.add(path)
        response = _got(client, path)
        if response.headers["content-type"] == "application/json":
            addresses = _addresses(response.json())
            queue += [one for one in addresses if not one.endswith("/events")]  # they go on
    assert len(seen) > 30


def _addresses(document: object) -> list[str]:
    if isinstance(document, dict):
        return [found for value in document.values() for found in _addresses(value)]
    if isinstance(document, list):
        return [found for value in document[:2] for found in _addresses(value)]  # two tell all
    is_address = isinstance(document, str) and document.startswith("/api/v1/")
    return [str(document)] if is_address else []


def test_a_list_is_filtered_page_after_page(client: TestClient) -> None:
    wanted = {"filter": "kind:lora OR kind:checkpoint", "limit": "1"}
    first = client.get("/api/v1/artifacts", params=wanted).json()
    second = client.get("/api/v1/artifacts", params=wanted | {"cursor": first["next"]}).json()
    assert [item["name"] for item in (*first["items"], *second["items"])] == [
        "micro",
        "weipin-lora",
    ]
    assert client.get("/api/v1/artifacts", params={"cursor": first["next"]}).status_code == 422
    versions = client.get(
        "/api/v1/artifacts/weipin-lora/versions", params={"filter": "step:>=20"}
    ).json()["items"]
    assert [item["version"] for item in versions] == [3, 2]
    failed = client.get("/api/v1/runs", params={"filter": "state:nonsense"})
    assert failed.status_code == 422
    assert "succeeded" in failed.json()["remedy"]
