"""Generations: what is recorded of them, what fails, what is drawn when they are gone on with."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import Engine, func, select

from sdxl_reg.catalog.artifacts import NewVersion, add_version, ensure_artifact, find_version
from sdxl_reg.catalog.bases import find_base
from sdxl_reg.catalog.blobs import find_blob
from sdxl_reg.catalog.datasets import freeze
from sdxl_reg.catalog.generations import (
    GenerationRequest,
    carry_out_generation,
    find_generation,
    generations,
    plan_generation,
    resume_generation,
)
from sdxl_reg.catalog.grid_cells import cells_of
from sdxl_reg.catalog.grids import find_grid, plan
from sdxl_reg.catalog.ingest import ingest
from sdxl_reg.catalog.lineage_walk import reachable
from sdxl_reg.catalog.origins import origins_of
from sdxl_reg.catalog.picture_requests import PictureRequest
from sdxl_reg.catalog.runs import find_run
from sdxl_reg.errors import Conflict, InvalidValue, NotFound
from sdxl_reg.formats.png_parameters import read_png
from sdxl_reg.jobs import events
from sdxl_reg.jobs.spec import DrawSpec, read_job
from sdxl_reg.settings import Settings
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import reading, transaction
from sdxl_reg.tables import GeneratedPicture, Generation, LineageDep
from sdxl_reg.vocabulary import ArtifactKind, NodeKind, RunKind, RunState
from tests.registry.catalog.hand_drawn import SMALL, finish_by_hand

pytestmark = pytest.mark.usefixtures("drawing_here")
FAST = PictureRequest(settings={"num_inference_steps": 2})
RED = "a red mug <lora:x-lora@2:0.5>"
REQUEST = GenerationRequest(prompts=[RED, "a blue shoe"], seeds=[1, 2], picture=FAST)


def _generate(
    engine: Engine, store: BlobStore, settings: Settings, request: GenerationRequest
) -> tuple[int, list[events.Event]]:
    planned = plan_generation(engine, store, settings, request)
    heard: list[events.Event] = []
    carry_out_generation(engine, store, planned, heard.append)
    assert not (planned.job.parent / "files").exists()
    return planned.generation_id, heard


def _rows(engine: Engine, number: int) -> list[GeneratedPicture]:
    with reading(engine) as session:
        rows = list(find_generation(session, number).pictures)
        assert [row.position for row in rows] == list(range(len(rows)))
        return rows


def test_a_generation_is_recorded_with_its_pictures_and_all_that_made_them(
    sqlite: Engine, store: BlobStore, settings: Settings
) -> None:
    number, heard = _generate(sqlite, store, settings, REQUEST)
    assert sum(isinstance(event, events.Cell) for event in heard) == 4
    with reading(sqlite) as session:
        found = find_generation(session, number)
        assert [
            (row.picture["prompt"], row.picture["seed"], row.reason) for row in found.pictures
        ] == [(prompt, seed, "") for prompt in ("a red mug", "a blue shoe") for seed in (1, 2)]
        for row in found.pictures:
            assert row.image is not None
            assert (row.image.width, row.image.height, row.image.format) == (64, 64, "PNG")
            assert read_png(store.path(row.image.blob.sha256))[1]["cell_key"] == row.picture_key
            assert find_blob(session, row.image.blob.sha256).id == row.image.blob_id
        run = find_run(session, found.run_id)
        assert (run.kind, run.state) == (RunKind.GENERATE, RunState.SUCCEEDED)
        assert "a red mug" in run.title
        slots = select(LineageDep.slot).where(LineageDep.child_id == found.node_id)
        assert sorted(session.scalars(slots)) == ["base", "version"]
        behind = reachable(session, [found.node_id], "up")
        assert find_version(session, "x-lora@2").node_id in behind
        assert find_version(session, "x-lora@1").node_id not in behind
        assert [one.id for one in generations(session)] == [number]


def test_one_picture_asked_for_twice_is_drawn_once(
    sqlite: Engine, store: BlobStore, settings: Settings
) -> None:
    request = replace(REQUEST, prompts=["a red mug"], seeds=[1, 1])
    number, heard = _generate(sqlite, store, settings, request)
    assert sum(isinstance(event, events.Cell) for event in heard) == 1
    first, second = _rows(sqlite, number)
    assert first.image_id == second.image_id is not None


def test_what_fails_has_a_reason_and_the_rest_is_there(
    sqlite: Engine, store: BlobStore, settings: Settings
) -> None:
    with transaction(sqlite) as session:
        new = NewVersion(
            files={"bad.safetensors": store.put_bytes(b"nonsense")},
            base_version_id=find_base(session, store, "base").id,
            trainer="lora",
        )
        add_version(session, ensure_artifact(session, "bad", ArtifactKind.LORA), new)
    request = replace(REQUEST, prompts=["a mug <lora:bad:1>", RED], seeds=[1])
    number, _ = _generate(sqlite, store, settings, request)
    bad, good = _rows(sqlite, number)
    assert (bad.image_id, good.reason) == (None, "")
    assert "bad.safetensors" in bad.reason
    assert good.image_id is not None
    again = resume_generation(sqlite, store, settings, number)
    spec = read_job(again.job)
    assert isinstance(spec, DrawSpec)
    assert [cell.key for cell in spec.cells] == [bad.picture_key]


def test_an_interrupted_generation_goes_on_with_what_is_missing(
    sqlite: Engine, store: BlobStore, settings: Settings
) -> None:
    planned = plan_generation(sqlite, store, settings, REQUEST)

    def interrupt(event: events.Event) -> None:
        if isinstance(event, events.Cell):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        carry_out_generation(sqlite, store, planned, interrupt)
    assert [row.image_id is not None for row in _rows(sqlite, planned.generation_id)].count(
        True
    ) == 1
    with reading(sqlite) as session:
        assert find_run(session, planned.run_id).state == RunState.CANCELLED

    again = resume_generation(sqlite, store, settings, planned.generation_id)
    heard: list[events.Event] = []
    carry_out_generation(sqlite, store, again, heard.append)
    assert sum(isinstance(event, events.Cell) for event in heard) == 3
    assert all(row.image_id for row in _rows(sqlite, planned.generation_id))
    with pytest.raises(Conflict, match="complete"):
        resume_generation(sqlite, store, settings, planned.generation_id)
    with pytest.raises(NotFound):
        resume_generation(sqlite, store, settings, 99)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"prompts": []}, InvalidValue),
        ({"seeds": []}, InvalidValue),
        ({"seeds": range(501)}, InvalidValue),
        ({"seeds": [-1]}, InvalidValue),
        ({"seeds": [2**63]}, InvalidValue),
        ({"prompts": ["<lora:nothing:1>"]}, NotFound),
    ],
)
def test_what_cannot_be_drawn_is_refused_and_leaves_nothing(
    sqlite: Engine, store: BlobStore, settings: Settings, changes: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        plan_generation(sqlite, store, settings, replace(REQUEST, **changes))
    with reading(sqlite) as session:
        assert session.scalar(select(func.count(Generation.id))) == 0


def test_a_generated_picture_that_is_ingested_is_known_to_be_synthetic(
    sqlite: Engine, store: BlobStore, settings: Settings, tmp_path: Path
) -> None:
    number, _ = _generate(sqlite, store, settings, replace(REQUEST, prompts=[RED], seeds=[1]))
    (row,) = _rows(sqlite, number)
    folder = tmp_path / "mixed" / "spot"
    folder.mkdir(parents=True)
    with reading(sqlite) as session:
        image = find_generation(session, number).pictures[0].image
        assert image is not None
        (folder / "drawn.png").write_bytes(store.read(image.blob.sha256))
    Image.new("RGB", (48, 48), "green").save(folder / "real.png")
    ingest(sqlite, store, tmp_path / "mixed")
    with transaction(sqlite) as session:
        version = freeze(session, store, "mixed")
        manifest = store.read(version.manifest.sha256).decode().splitlines()
        lines = [json.loads(line) for line in manifest]
        marked = {line["path"]: line.get("synthetic", False) for line in lines if "path" in line}
        assert {Path(path).name: is_ for path, is_ in marked.items()} == {
            "drawn.png": True,
            "real.png": False,
        }
        behind = reachable(session, [version.node_id], "up")
        assert find_generation(session, number).node_id in behind
        assert find_version(session, "x-lora@2").node_id in behind
        assert row.image_id is not None
        origin = origins_of(session, [row.image_id])[row.image_id]
        assert (origin.kind, origin.ref) == (NodeKind.GENERATION, f"generation:{number}")


def test_a_picture_of_a_grid_is_known_to_be_synthetic_too(
    sqlite: Engine, store: BlobStore, settings: Settings, tmp_path: Path
) -> None:
    planned = plan(sqlite, store, settings, SMALL)
    finish_by_hand(sqlite, store, planned, tmp_path)
    folder = tmp_path / "kept"
    folder.mkdir()
    with reading(sqlite) as session:
        cell = cells_of(session, find_grid(session, planned.grid_id))[1]
        assert cell.blob is not None
        (folder / "cell.png").write_bytes(store.read(cell.blob.sha256))
    ingest(sqlite, store, folder)
    with transaction(sqlite) as session:
        version = freeze(session, store, "kept")
        grid = find_grid(session, planned.grid_id)
        assert b'"synthetic":true' in store.read(version.manifest.sha256).replace(b" ", b"")
        assert grid.node_id in reachable(session, [version.node_id], "up")
