"""Sample pictures: drawn as diffusers draws, and saying how they were made."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from sdxl_reg.formats.png_parameters import read_png
from sdxl_reg.testing import training_job
from sdxl_reg.trainers.settings import DenoisingConfig
from sdxl_reg.training.base import Base, loaded_base
from sdxl_reg.training.samples import drawn, sample_name, save_sample


@pytest.fixture(scope="module")
def base(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Base:
    """Made for 64 px."""
    config = DenoisingConfig()
    return loaded_base(training_job(config, tiny_base, tmp_path_factory.mktemp("job")), config)


def _config(**settings: object) -> DenoisingConfig:
    return DenoisingConfig.model_validate({"sample_steps": 3} | settings)


def _pixels(picture: Image.Image) -> "np.ndarray[Any, Any]":
    return np.asarray(picture, dtype=np.int16)


@pytest.mark.parametrize("guidance", [0, 1, 1.5, 7])
def test_a_picture_is_that_of_the_plain_pipeline(base: Base, guidance: float) -> None:
    """But for rounding: the pipeline pads and joins its rows in another order."""
    ours = drawn(base, _config(sample_guidance_scale=guidance), "a red mug", seed=5)
    theirs = base.pipeline(
        "a red mug",
        num_inference_steps=3,
        guidance_scale=guidance,
        generator=torch.Generator().manual_seed(5),
    ).images[0]
    assert ours.size == (64, 64)
    assert np.abs(_pixels(ours) - _pixels(theirs)).max() <= 1


def test_a_picture_depends_on_prompt_and_seed_alone(base: Base) -> None:
    config = _config()
    first = drawn(base, config, "a red mug", seed=0)
    torch.manual_seed(1)
    assert drawn(base, config, "a red mug", seed=0).tobytes() == first.tobytes()
    assert drawn(base, config, "a red mug", seed=1).tobytes() != first.tobytes()
    assert drawn(base, config, "a blue shoe", seed=0).tobytes() != first.tobytes()


@pytest.mark.parametrize(
    "settings", [{"sample_steps": 4}, {"sample_guidance_scale": 9}, {"zero_terminal_snr": True}]
)
def test_the_settings_show(base: Base, settings: dict[str, object]) -> None:
    pictures = {
        drawn(base, _config(**own), "a red mug", seed=0).tobytes() for own in ({}, settings)
    }
    assert len(pictures) == 2


def test_it_is_drawn_by_what_is_trained_not_by_what_the_base_was_before(base: Base) -> None:
    """A base of epsilon that is trained to say v is asked for v."""
    other = replace(base, prediction_type="v_prediction")
    scheduler = base.pipeline.scheduler
    base.pipeline.scheduler = type(scheduler).from_config(
        scheduler.config, prediction_type="v_prediction"
    )
    try:
        theirs = base.pipeline(
            "a red mug",
            num_inference_steps=3,
            guidance_scale=5.0,
            generator=torch.Generator().manual_seed(5),
        ).images[0]
    finally:
        base.pipeline.scheduler = scheduler
    ours = drawn(other, _config(), "a red mug", seed=5)
    assert np.abs(_pixels(ours) - _pixels(theirs)).max() <= 1
    plain = drawn(base, _config(), "a red mug", seed=5)
    assert np.abs(_pixels(ours) - _pixels(plain)).max() > 1


def test_drawing_leaves_chance_and_the_bases_scheduler_as_they_were(base: Base) -> None:
    chance, scheduler = torch.get_rng_state(), base.pipeline.scheduler
    steps = scheduler.timesteps.clone()
    drawn(base, _config(), "a red mug", seed=0)
    assert torch.equal(torch.get_rng_state(), chance)
    assert base.pipeline.scheduler is scheduler
    assert torch.equal(scheduler.timesteps, steps)


def test_it_is_drawn_in_the_precision_that_is_trained_in(
    tiny_base: Path, tmp_path: Path, base: Base
) -> None:
    """Weights in half precision, and those of a checkpoint, which are float32 all the same."""
    config = _config(mixed_precision="bf16")
    half = loaded_base(training_job(config, tiny_base, tmp_path), config)
    plain = drawn(base, config, "a red mug", seed=0)
    for other in (half, replace(base, dtype=torch.bfloat16)):
        picture = drawn(other, config, "a red mug", seed=0)
        assert 0 < np.abs(_pixels(picture) - _pixels(plain)).mean() < 16


def test_a_file_says_how_its_picture_was_made(base: Base, tmp_path: Path) -> None:
    config = _config(sample_guidance_scale=4.5)
    path = tmp_path / "x.png"
    found = save_sample(base, config, "a mug: red, large", path, seed=9, details={"step": 3})
    assert found == path
    assert list(tmp_path.iterdir()) == [path]
    parameters, details = read_png(path)
    assert parameters.prompt == "a mug: red, large"
    assert parameters.negative_prompt == ""
    assert parameters.settings == {
        "Steps": "3",
        "Sampler": "Euler",
        "CFG scale": "4.5",
        "Seed": "9",
        "Size": "64x64",
    }
    assert details == {"prompt": "a mug: red, large", "step": 3}
    with Image.open(path) as picture:
        again = drawn(base, config, "a mug: red, large", seed=9)
        assert picture.tobytes() == again.tobytes()


def test_names_tell_steps_and_prompts_apart_and_sort_by_step() -> None:
    prompt = "a mug / with \\ and\nmore: " + "é" * 300
    names = [sample_name(step, text) for step in (2, 10, 1000) for text in (prompt, "a shoe")]
    assert len(set(names)) == 6
    assert sorted(names, key=lambda name: name[:15]) == names
    assert all(re.fullmatch(r"sample-\d{8}-[0-9a-f]{8}\.png", name) for name in names)
    assert sample_name(10, "a shoe") == "sample-00000010-1f16224d.png", "in every process"
