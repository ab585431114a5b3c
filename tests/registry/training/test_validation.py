"""The validation loss against its definition, and what it must not depend on."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from sdxl_reg.diffusion.conditioning import encode_prompts
from sdxl_reg.diffusion.noise import seeded
from sdxl_reg.testing import Heard, training_job
from sdxl_reg.trainers.interface import TrainingImage, TrainingJob
from sdxl_reg.training.base import Base, loaded_base
from sdxl_reg.training.cache import TensorCache
from sdxl_reg.training.dataset import Dataset
from sdxl_reg.training.texts import Texts
from sdxl_reg.training.validation import validation_loss
from sdxl_reg_lora.config import LoraConfig
from sdxl_reg_lora.trainee import LoraTrainee

SETTINGS: dict[str, Any] = {"rank": 1, "text_encoder_lr": 0, "validation_split": 0.5}
TOLERANCE = 1e-5
"""Relative: means of hundreds of float32 values."""


@dataclass(frozen=True, kw_only=True)
class _Measured:
    """A base whose loss is measured on half of a job's pictures."""

    job: TrainingJob
    base: Base
    trainee: LoraTrainee

    def data(self, images: Sequence[TrainingImage] = (), **settings: object) -> Dataset:
        config = LoraConfig.model_validate(SETTINGS | settings)
        job = replace(self.job, images=images or self.job.images)
        cache = TensorCache(job.cache_path)
        return Dataset(self.base, job, config, cache=cache, class_images=(), report=Heard())

    def loss(self, data: Dataset, *, seed: int = 0) -> float:
        texts = Texts(self.base, TensorCache(self.job.cache_path), are_trained=False)
        return validation_loss(self.base, data, texts, self.trainee, seed=seed)


@pytest.fixture(scope="module")
def measured(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> _Measured:
    """The tiny base with an untrained LoRA."""
    config = LoraConfig.model_validate(SETTINGS)
    job = training_job(config, tiny_base, tmp_path_factory.mktemp("job"))
    base = loaded_base(job, config)
    return _Measured(job=job, base=base, trainee=LoraTrainee(base, config))


@torch.no_grad()
def _plain(base: Base, data: Dataset, *, seed: int) -> float:
    """Once more, picture by picture and level by level, with the means in float64."""
    total = 0.0
    for number, picture in enumerate(data.held_out):
        shown = data.latents.plain(picture)
        text = encode_prompts(base.pipeline, [picture.image.caption])
        noise = torch.randn((4, *shown.latents.shape), generator=seeded(seed, 0, number))
        for eps, t in zip(noise, (100, 350, 600, 850), strict=True):
            signal = math.sqrt(float(base.abar[t]))
            rest = math.sqrt(1 - float(base.abar[t]))
            said = base.pipeline.unet(
                (signal * shown.latents + rest * eps)[None],
                t,
                encoder_hidden_states=text.context,
                added_cond_kwargs={"text_embeds": text.pooled, "time_ids": shown.sizes[None]},
            ).sample[0]
            wanted = (
                eps if base.prediction_type == "epsilon" else signal * eps - rest * shown.latents
            )
            total += float((said.double() - wanted.double()).square().mean())
    return total / len(data.held_out) / 4


@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
def test_it_is_the_mean_square_error_at_four_levels_of_noise(
    measured: _Measured, prediction_type: str
) -> None:
    base = replace(measured.base, prediction_type=prediction_type)
    data = measured.data()
    assert len({picture.image.caption for picture in data.held_out}) >= 1
    assert len(data.held_out) == 2
    for seed in (0, 1):
        found = replace(measured, base=base).loss(data, seed=seed)
        assert found == pytest.approx(_plain(base, data, seed=seed), rel=TOLERANCE)


def test_it_is_the_same_at_every_step_and_another_for_another_seed(measured: _Measured) -> None:
    data = measured.data()
    losses = []
    for number in range(3):
        torch.manual_seed(number)
        losses.append(measured.loss(data))
    assert losses[0] == losses[1] == losses[2]
    assert measured.loss(data, seed=1) != losses[0]


@pytest.mark.parametrize(
    "settings",
    [
        {"min_snr_gamma": 5, "noise_offset": 0.1, "loss_type": "huber", "max_timestep": 10},
        {"flip_aug": True, "random_crop": True, "caption_dropout_rate": 1, "shuffle_caption": True},
    ],
    ids=["objective", "chance"],
)
def test_runs_with_other_objectives_and_augmentations_can_be_compared(
    measured: _Measured, settings: dict[str, Any]
) -> None:
    assert measured.loss(measured.data(**settings)) == measured.loss(measured.data())


def test_what_the_dataset_holds_out_is_measured_and_everything_else_trained(
    measured: _Measured,
) -> None:
    first, *rest = measured.job.images
    job = replace(measured.job, images=rest, validation_images=[first])
    heard = Heard()
    config = LoraConfig.model_validate(SETTINGS)
    data = Dataset(
        measured.base,
        job,
        config,
        cache=TensorCache(job.cache_path),
        class_images=(),
        report=heard,
    )
    assert [picture.image for picture in data.held_out] == [first]
    assert sorted(picture.image.sha256 for picture in data.pictures) == sorted(
        image.sha256 for image in rest
    )
    assert any("validation_split is left out" in message for message in heard.messages)
    assert measured.loss(data) == pytest.approx(_plain(measured.base, data, seed=0), rel=TOLERANCE)


def test_all_parts_of_a_picture_count_whatever_its_mask_says(
    measured: _Measured, tmp_path: Path
) -> None:
    images = []
    for number, image in enumerate(measured.job.images):
        with Image.open(image.path) as picture:
            Image.new("L", picture.size, 0).save(tmp_path / f"{number}.png")
        images.append(replace(image, mask_path=tmp_path / f"{number}.png", mask_sha256="m"))
    assert measured.loss(measured.data(images)) == measured.loss(measured.data()) > 0


def test_it_asks_with_the_trainees_own_words(measured: _Measured) -> None:
    class Speaking(LoraTrainee):
        def __init__(self) -> None:
            vars(self).update(vars(measured.trainee))

        def prompt(self, caption: str) -> str:
            return f"spot spot {caption}"

    data = measured.data()
    spoken = replace(measured, trainee=Speaking()).loss(data)
    said = [replace(image, caption=f"spot spot {image.caption}") for image in measured.job.images]
    assert spoken == measured.loss(measured.data(said)) != measured.loss(data)


def test_measuring_leaves_no_gradients_and_takes_no_chance(measured: _Measured) -> None:
    chance = torch.get_rng_state()
    with torch.enable_grad():
        measured.loss(measured.data())
    assert torch.equal(torch.get_rng_state(), chance)
    values = measured.trainee.groups[0].parameters
    assert all(value.requires_grad and value.grad is None for value in values)


def test_it_rises_when_weights_are_spoilt(measured: _Measured) -> None:
    data = measured.data()
    before = measured.loss(data)
    layer = measured.base.part("unet").conv_out
    with torch.no_grad():
        layer.weight.mul_(20)
    try:
        assert measured.loss(data) > 2 * before
    finally:
        with torch.no_grad():
            layer.weight.div_(20)
