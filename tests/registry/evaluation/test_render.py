"""Drawing a job to files: batches, reuse, what the files say, what is told."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sdxl_reg.errors import NotFound, UnknownName
from sdxl_reg.evaluation.render import draw_and_score, seen_by_metrics
from sdxl_reg.evaluation.work import RATE
from sdxl_reg.formats.hashes import auto_v2, auto_v3
from sdxl_reg.formats.png_parameters import read_png
from sdxl_reg.jobs.spec import DrawSpec, ImageSpec, read_job, write_job
from tests.registry.evaluation.jobs import BASE, RED, Heard, base_spec, grid_of


@pytest.fixture
def references(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "red.png", tmp_path / "blue.png"]
    for path in paths:
        Image.new("RGB", (64, 64), path.stem).save(path)
    return paths


def _scored(
    base: Path, loras: list[Path], references: Sequence[Path] = (), **changes: Any
) -> DrawSpec:
    images = [
        ImageSpec(path=path, sha256="0" * 64, caption="a red mug", tags="") for path in references
    ]
    return grid_of(base, loras, references=images, is_scored=True, **changes)


def test_a_grid_is_drawn_from_its_job_file(
    tmp_path: Path, tiny_base: Path, tiny_loras: list[Path], references: list[Path]
) -> None:
    write_job(_scored(tiny_base, tiny_loras, references, batch_size=4), tmp_path / "job.json")
    spec = read_job(tmp_path / "job.json")
    assert isinstance(spec, DrawSpec)
    heard = Heard()
    draw_and_score(spec, tmp_path / "files", heard)
    assert heard.cells.keys() == {cell.key for cell in spec.cells}
    assert len(heard.cells) == 2 * (1 + 2 * 2)
    assert (10, 10, "drawing") in heard.stages
    assert (3, 3, "steps") in heard.stages
    assert [values.keys() for _, values in heard.metrics] == [{RATE}] * 3
    pixels = {path.read_bytes() for path in heard.cells.values()}
    assert len(pixels) == len(heard.cells)
    for metric in ("fidelity", "nearest", "kid", "flatness", "background-drift", "colour-drift"):
        assert heard.scored(metric) == set(heard.cells)
    assert heard.scored("diversity") == heard.scored("clip-t") == set()
    assert heard.stages[-1][2] == "scoring"
    assert heard.stages[-1][0] == heard.stages[-1][1] > 0


def test_a_picture_is_compared_with_the_base_of_its_own_prompt(
    tmp_path: Path, tiny_base: Path, tiny_loras: list[Path]
) -> None:
    spec = grid_of(tiny_base, tiny_loras)
    pictures = seen_by_metrics(spec, {cell.key: tmp_path for cell in spec.cells})
    asked = {cell.key: cell.picture for cell in spec.cells}
    assert len(pictures) == len(asked) == 10
    for picture in pictures:
        assert picture.baseline is not None
        assert asked[picture.baseline].prompt == picture.prompt
        assert asked[picture.baseline].adapters[0].strength == 0
    assert len({picture.place for picture in pictures}) == 5


def test_a_picture_says_how_it_was_made(
    tmp_path: Path, tiny_base: Path, tiny_loras: list[Path]
) -> None:
    spec = grid_of(tiny_base, tiny_loras[:1], prompts=[RED], script={"Script": "grid 3"})
    heard = Heard()
    draw_and_score(spec, tmp_path, heard)
    by_strength = {cell.picture.adapters[0].strength: cell for cell in spec.cells}
    parameters, details = read_png(heard.cells[by_strength[0.5].key])
    assert parameters.prompt == "a red mug <lora:x-lora-000001:0.5>"
    assert parameters.settings["Lora hashes"] == f"x-lora-000001: {auto_v3(tiny_loras[0])[:12]}"
    assert parameters.settings["Size"] == "64x64"
    assert parameters.settings["Script"] == "grid 3"
    assert parameters.hashes == {
        "model": base_spec(BASE, tiny_base).sha256[:10],
        "lora:x-lora-000001": auto_v2(tiny_loras[0]),
    }
    assert details["cell_key"] == by_strength[0.5].key
    assert [use["ref"] for use in details["adapters"]] == ["x-lora@1"]
    base, details = read_png(heard.cells[by_strength[0].key])
    assert base.prompt == "a red mug"
    assert list(base.hashes) == ["model"]
    assert details["adapters"] == []


def test_what_is_drawn_already_is_only_scored(
    tmp_path: Path, tiny_base: Path, tiny_loras: list[Path], references: list[Path]
) -> None:
    spec = _scored(tiny_base, tiny_loras, references)
    done = [cell.model_copy(update={"path": references[0]}) for cell in spec.cells]
    heard = Heard()
    draw_and_score(spec.model_copy(update={"cells": done}), tmp_path / "files", heard)
    assert heard.cells == {}
    assert heard.scored("fidelity") == {cell.key for cell in done}
    assert not (tmp_path / "files").exists()


def test_without_references_only_the_pictures_themselves_are_scored(
    tmp_path: Path, tiny_base: Path, tiny_loras: list[Path]
) -> None:
    heard = Heard()
    draw_and_score(_scored(tiny_base, tiny_loras[:1]), tmp_path, heard)
    assert len(heard.cells) == 6
    assert heard.scored("fidelity") == set()
    assert heard.scored("flatness") == set(heard.cells)
    assert any("no dataset to compare with" in text for text in heard.messages)


def test_a_network_that_is_not_there_is_refused_before_anything_is_drawn(
    tmp_path: Path, tiny_base: Path, tiny_loras: list[Path]
) -> None:
    heard = Heard()
    spec = _scored(tiny_base, tiny_loras, image_network="dinov2:/not/there")
    with pytest.raises(NotFound, match="dinov2:/not/there"):
        draw_and_score(spec, tmp_path, heard)
    spec = _scored(tiny_base, tiny_loras, text_network="clip:/not/there")
    with pytest.raises(NotFound, match="clip:/not/there"):
        draw_and_score(spec, tmp_path, heard)
    assert heard.cells == {}


def test_a_grid_is_drawn_alike_every_time(
    tmp_path: Path, tiny_base: Path, tiny_loras: list[Path]
) -> None:
    spec = _scored(tiny_base, tiny_loras[:1])
    spec = spec.model_copy(update={"is_scored": False})
    once, again = Heard(), Heard()
    draw_and_score(spec, tmp_path / "once", once)
    draw_and_score(spec, tmp_path / "again", again)
    assert once.scores == {}
    for key, path in once.cells.items():
        with Image.open(path) as one, Image.open(again.cells[key]) as other:
            assert np.array_equal(np.array(one), np.array(other))


def test_an_unknown_trainer_is_refused(
    tmp_path: Path, tiny_base: Path, tiny_loras: list[Path]
) -> None:
    spec = _scored(tiny_base, tiny_loras[:1])
    strange = {
        ref: one.model_copy(update={"trainer": "lorra"}) for ref, one in spec.versions.items()
    }
    with pytest.raises(UnknownName, match="lora"):
        draw_and_score(spec.model_copy(update={"versions": strange}), tmp_path, Heard())
