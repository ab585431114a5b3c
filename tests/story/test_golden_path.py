"""The main job as a user does it, on the built-in base: real training, real pictures."""

import hashlib
from pathlib import Path

import pytest
from PIL import Image

from tests.story.machine import SMALL_TRAINING, Machine

pytestmark = pytest.mark.slow


def test_from_a_folder_of_products_to_a_chosen_lora_with_its_lineage(
    machine: Machine, tmp_path: Path
) -> None:
    ingested = machine.run("ingest", str(machine.products))
    assert ingested["image_sets"][0]["name"] == "weipin"
    assert (ingested["seen"], ingested["new"], ingested["problems"]) == (48, 48, [])

    steps = ("--set", "max_train_steps=4", "--set", "save_every_n_steps=2")
    trained = machine.run("train", "lora", "--dataset", "weipin", *SMALL_TRAINING, *steps)
    assert trained["run"]["state"] == "succeeded"
    assert trained["dataset"] == "weipin@1"
    assert [v["ref"] for v in trained["versions"]] == ["weipin-lora@1", "weipin-lora@2"]
    assert [v["step"] for v in trained["versions"]] == [2, 4]

    grid_words = ("grid", "weipin-lora", "--strengths", "0,0.5,1", "--steps", "2")
    prompt = ("--prompt", "a t-shirt on a black background, qzy, flawed, spot")
    grid = machine.run(*grid_words, *prompt)
    with Image.open(grid["sheet"]) as sheet:
        sheet.load()
        assert sheet.width > sheet.height / 4
    assert grid["rendered"] == 5  # the base once, and two versions at two strengths
    assert grid["best"]["ref"].startswith("weipin-lora@")

    again = machine.run(*grid_words, *prompt)
    assert (again["rendered"], again["cells"]) == (0, grid["cells"])

    lineage = machine.run("lineage", "weipin-lora@best")
    kinds = [node["kind"] for node in lineage["nodes"]]
    assert kinds.count("image") == 48
    assert {"dataset", "image_set", "artifact", "grid"} <= set(kinds)
    ids = {node["id"] for node in lineage["nodes"]}
    assert all(edge["from"] in ids and edge["to"] in ids for edge in lineage["edges"])

    (exported,) = machine.run("artifact", "export", "weipin-lora@1", "--to", str(tmp_path / "out"))[
        "files"
    ]
    digest = hashlib.sha256(Path(exported).read_bytes()).hexdigest()
    assert digest == trained["versions"][0]["sha256"]


def test_training_twice_gives_the_same_bytes_and_so_the_same_version(machine: Machine) -> None:
    machine.run("ingest", str(machine.products))
    words = ("train", "lora", "--dataset", "weipin", *SMALL_TRAINING, "--set", "max_train_steps=2")
    first, second = machine.run(*words), machine.run(*words)
    assert first["run"]["id"] != second["run"]["id"]
    assert first["versions"] == second["versions"]
