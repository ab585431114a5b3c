"""Drawing a grid to files: batches, reuse, what the files say."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from sdxl_reg.diffusion.pipeline import load_pipeline
from sdxl_reg.errors import NotFound, UnknownName
from sdxl_reg.evaluation.plan import plan_cells
from sdxl_reg.evaluation.render import draw_latents, pictures_of, render_grid
from sdxl_reg.formats.hashes import auto_v2, auto_v3
from sdxl_reg.formats.png_parameters import read_png
from sdxl_reg.jobs.spec import (
    BaseSpec,
    CellSpec,
    GridSpec,
    ImageSpec,
    SamplingSpec,
    VersionSpec,
    read_job,
    write_job,
)
from sdxl_reg.vocabulary import BaseFormat

# Rows of a batch and single rows differ by the order in which float32 products are summed; a few
# denoising steps with guidance 5 make 6e-8 into this. Latents are of the order of 10.
ROWS_TOLERANCE = 5e-4


class Heard:
    """A report that keeps everything it hears."""

    def __init__(self) -> None:
        self.cells: dict[str, Path] = {}
        self.scores: dict[tuple[str, str], float] = {}
        self.stages: list[tuple[int, int, str]] = []
        self.messages: list[str] = []

    def progress(self, done: int, total: int, what: str) -> None:
        self.stages.append((done, total, what))

    def message(self, text: str) -> None:
        self.messages.append(text)

    def cell(self, key: str, path: Path) -> None:
        assert path.is_file()
        self.cells[key] = path

    def score(self, key: str, metric: str, scorer: str, value: float) -> None:
        assert scorer
        self.scores[key, metric] = value

    def scored(self, metric: str) -> set[str]:
        return {key for key, name in self.scores if name == metric}


def _grid(
    base: Path, loras: Sequence[Path], references: Sequence[Path] = (), **changes: Any
) -> GridSpec:
    versions = [
        VersionSpec(
            ref=f"x-lora@{number}",
            name=path.stem,
            trainer="lora",
            path=path,
            sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        )
        for number, path in enumerate(loras, start=1)
    ]
    sampling = SamplingSpec(width=64, height=64, num_inference_steps=3)
    planned = plan_cells(
        base_sha256="b" * 64,
        versions_sha256=[version.sha256 for version in versions],
        strengths=[0, 0.5, 1],
        prompts=["a red mug", "a blue shoe"],
        seeds=[7],
        sampling=sampling,
    )
    cells = {
        cell.key: CellSpec(
            key=cell.key,
            version=cell.version,
            strength=cell.strength,
            prompt=cell.prompt,
            seed=cell.seed,
        )
        for cell in reversed(planned)
    }
    spec = GridSpec(
        run=3,
        base=BaseSpec(ref="tiny@1", path=base, format=BaseFormat.DIFFUSERS, sha256="b" * 64),
        versions=versions,
        sampling=sampling,
        cells=list(cells.values())[::-1],
        references=[
            ImageSpec(path=path, sha256="0" * 64, caption="a red mug", tags="")
            for path in references
        ],
    )
    return spec.model_copy(update=changes)


@pytest.fixture
def references(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "red.png", tmp_path / "blue.png"]
    for path in paths:
        Image.new("RGB", (64, 64), path.stem).save(path)
    return paths


def test_a_grid_is_drawn_from_its_job_file(
    tmp_path: Path, tiny_base: Path, tiny_loras: list[Path], references: list[Path]
) -> None:
    write_job(_grid(tiny_base, tiny_loras, references, batch_size=4), tmp_path / "job.json")
    spec = read_job(tmp_path / "job.json")
    assert isinstance(spec, GridSpec)
    heard = Heard()
    render_grid(spec, tmp_path / "files", heard)
    assert list(heard.cells) == [cell.key for cell in sorted(spec.cells, key=lambda c: c.version)]
    assert len(heard.cells) == 2 * (1 + 2 * 2)
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
    cells = _grid(tiny_base, tiny_loras).cells
    pictures = pictures_of(cells, {cell.key: tmp_path for cell in cells})
    prompt_of = {cell.key: cell.prompt for cell in cells}
    strength_of = {cell.key: cell.strength for cell in cells}
    assert len(pictures) == len(cells) == 10
    for picture in pictures:
        assert picture.baseline is not None
        assert prompt_of[picture.baseline] == picture.prompt
        assert strength_of[picture.baseline] == 0
    assert len({picture.place for picture in pictures}) == 5


def test_a_cell_says_how_it_was_made(
    tmp_path: Path, tiny_base: Path, tiny_loras: list[Path]
) -> None:
    spec = _grid(tiny_base, tiny_loras[:1])
    heard = Heard()
    render_grid(spec, tmp_path, heard)
    by_strength = {cell.strength: cell for cell in spec.cells if cell.prompt == "a red mug"}
    parameters, details = read_png(heard.cells[by_strength[0.5].key])
    assert parameters.prompt == "a red mug <lora:x-lora-000001:0.5>"
    assert parameters.settings["Lora hashes"] == f"x-lora-000001: {auto_v3(tiny_loras[0])[:12]}"
    assert parameters.settings["Size"] == "64x64"
    assert parameters.hashes == {
        "model": "b" * 10,
        "lora:x-lora-000001": auto_v2(tiny_loras[0]),
    }
    assert details["cell_key"] == by_strength[0.5].key
    assert details["version"]["ref"] == "x-lora@1"
    base, details = read_png(heard.cells[by_strength[0].key])
    assert base.prompt == "a red mug"
    assert list(base.hashes) == ["model"]
    assert details["version"] is None


def test_what_is_drawn_already_is_only_scored(
    tmp_path: Path, tiny_base: Path, tiny_loras: list[Path], references: list[Path]
) -> None:
    spec = _grid(tiny_base, tiny_loras, references)
    done = [cell.model_copy(update={"path": references[0]}) for cell in spec.cells]
    heard = Heard()
    render_grid(spec.model_copy(update={"cells": done}), tmp_path / "files", heard)
    assert heard.cells == {}
    assert heard.scored("fidelity") == {cell.key for cell in done}
    assert not (tmp_path / "files").exists()


def test_without_references_only_the_pictures_themselves_are_scored(
    tmp_path: Path, tiny_base: Path, tiny_loras: list[Path]
) -> None:
    heard = Heard()
    render_grid(_grid(tiny_base, tiny_loras[:1]), tmp_path, heard)
    assert len(heard.cells) == 6
    assert heard.scored("fidelity") == set()
    assert heard.scored("flatness") == set(heard.cells)
    assert any("no dataset to compare with" in text for text in heard.messages)


def test_a_network_that_is_not_there_is_refused_before_anything_is_drawn(
    tmp_path: Path, tiny_base: Path, tiny_loras: list[Path]
) -> None:
    heard = Heard()
    spec = _grid(tiny_base, tiny_loras, image_network="dinov2:/not/there")
    with pytest.raises(NotFound, match="dinov2:/not/there"):
        render_grid(spec, tmp_path, heard)
    spec = _grid(tiny_base, tiny_loras, text_network="clip:/not/there")
    with pytest.raises(NotFound, match="clip:/not/there"):
        render_grid(spec, tmp_path, heard)
    assert heard.cells == {}


def test_strengths_of_a_batch_equal_those_drawn_one_by_one(
    tiny_base: Path, tiny_loras: list[Path]
) -> None:
    pipeline = load_pipeline(tiny_base)
    spec = _grid(tiny_base, tiny_loras[1:])
    together = draw_latents(pipeline, spec, spec.cells)
    alone = torch.cat([draw_latents(pipeline, spec, [cell]) for cell in spec.cells])
    torch.testing.assert_close(together, alone, atol=ROWS_TOLERANCE, rtol=0)
    assert (together[0] - together[2]).abs().max() > 100 * ROWS_TOLERANCE  # strengths 0 and 1


def test_strength_0_is_the_base_whatever_the_version(
    tiny_base: Path, tiny_loras: list[Path]
) -> None:
    pipeline = load_pipeline(tiny_base)
    spec = _grid(tiny_base, tiny_loras)
    zero = [cell.model_copy(update={"strength": 0.0}) for cell in spec.cells[:3]]
    other = [cell.model_copy(update={"version": 1}) for cell in zero]
    first = draw_latents(pipeline, spec, zero)
    assert torch.equal(first, draw_latents(pipeline, spec, other))
    assert torch.equal(first, draw_latents(pipeline, spec, zero))


def test_a_grid_is_drawn_alike_every_time(
    tmp_path: Path, tiny_base: Path, tiny_loras: list[Path]
) -> None:
    spec = _grid(tiny_base, tiny_loras[:1])
    once, again = Heard(), Heard()
    render_grid(spec, tmp_path / "once", once)
    render_grid(spec, tmp_path / "again", again)
    for key, path in once.cells.items():
        with Image.open(path) as one, Image.open(again.cells[key]) as other:
            assert np.array_equal(np.array(one), np.array(other))


def test_an_unknown_trainer_is_refused(
    tmp_path: Path, tiny_base: Path, tiny_loras: list[Path]
) -> None:
    spec = _grid(tiny_base, tiny_loras[:1])
    strange = spec.versions[0].model_copy(update={"trainer": "lorra"})
    with pytest.raises(UnknownName, match="lora"):
        render_grid(spec.model_copy(update={"versions": [strange]}), tmp_path, Heard())
