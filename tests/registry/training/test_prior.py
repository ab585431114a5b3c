"""Class pictures: those that are given, and those that the base draws once for all runs."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from sdxl_reg.errors import UsageError
from sdxl_reg.formats.png_parameters import read_png
from sdxl_reg.testing import Heard, training_job
from sdxl_reg.trainers.discovery import find_trainer
from sdxl_reg.trainers.interface import TrainingImage, TrainingJob
from sdxl_reg.trainers.settings import DenoisingConfig
from sdxl_reg.training.base import Base, loaded_base
from sdxl_reg.training.prior import class_images
from sdxl_reg.training.samples import drawn
from sdxl_reg_lora.config import LoraConfig

ASKED: dict[str, object] = {"class_prompt": "a mug", "num_class_images": 2, "sample_steps": 1}


@pytest.fixture(scope="module")
def base(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Base:
    """Draws noise, repeatably."""
    config = DenoisingConfig()
    return loaded_base(training_job(config, tiny_base, tmp_path_factory.mktemp("job")), config)


@pytest.fixture
def job(tiny_base: Path, tmp_path: Path) -> TrainingJob:
    """With a cache of its own."""
    return training_job(DenoisingConfig(), tiny_base, tmp_path)


@pytest.fixture
def drawings(base: Base) -> Iterator[list[int]]:
    """An entry for every picture that the VAE decodes, as it goes on."""
    found: list[int] = []
    hook = base.pipeline.vae.decoder.register_forward_hook(
        lambda _, given, __: found.append(len(given[0]))
    )
    yield found
    hook.remove()


def _config(**settings: object) -> DenoisingConfig:
    return DenoisingConfig.model_validate(ASKED | settings)


def _found(job: TrainingJob, base: Base, **settings: object) -> list[TrainingImage]:
    return class_images(job, _config(**settings), base, Heard())


def test_a_job_that_asks_for_none_gets_none(
    job: TrainingJob, base: Base, drawings: list[int]
) -> None:
    assert class_images(job, DenoisingConfig(class_prompt="a mug"), base, Heard()) == []
    assert not job.cache_path.exists()
    assert drawings == []


@pytest.mark.parametrize("number", [0, 3, 4])
def test_pictures_that_are_given_are_all_taken_and_none_is_drawn(
    job: TrainingJob, base: Base, drawings: list[int], number: int
) -> None:
    given = replace(job, class_images=job.images)
    assert _found(given, base, num_class_images=number, class_prompt="") == list(job.images)
    assert drawings == []


def test_the_base_draws_what_is_missing(job: TrainingJob, base: Base, drawings: list[int]) -> None:
    heard = Heard()
    given = replace(job, class_images=job.images[:1])
    first, *others = class_images(given, _config(num_class_images=3), base, heard)
    assert first == job.images[0]
    assert drawings == [1, 1]
    assert heard.stages == [(1, 2, "draw class pictures"), (2, 2, "draw class pictures")]
    for image in others:
        assert (image.caption, image.repeats, image.mask_path) == ("a mug", 1, None)
        assert image.path.is_relative_to(job.cache_path)
        assert image.sha256 == hashlib.sha256(image.path.read_bytes()).hexdigest()


def test_each_is_drawn_from_a_seed_of_its_own_and_says_so(job: TrainingJob, base: Base) -> None:
    config = _config(seed=7)
    found = class_images(job, config, base, Heard())
    assert len({image.sha256 for image in found}) == 2
    for seed, image in enumerate(found, start=7):
        parameters, details = read_png(image.path)
        assert parameters.settings["Seed"] == str(seed)
        assert details == {"prompt": "a mug", "base": job.base.sha256}
        with Image.open(image.path) as picture:
            assert picture.tobytes() == drawn(base, config, "a mug", seed=seed).tobytes()


def test_pictures_are_drawn_once_for_all_runs(
    job: TrainingJob, base: Base, drawings: list[int]
) -> None:
    first = _found(job, base)
    again = _found(replace(job, run_key="3" * 64), base, learning_rate=1, train_batch_size=4)
    assert again == first
    assert drawings == [1, 1]
    more = _found(job, base, num_class_images=3)
    assert more[:2] == first
    assert drawings == [1, 1, 1]


@pytest.mark.parametrize(
    "settings",
    [
        {"class_prompt": "a shoe"},
        {"seed": 1000},
        {"sample_steps": 2},
        {"sample_guidance_scale": 2},
        {"zero_terminal_snr": True},
    ],
    ids=str,
)
def test_whatever_changes_the_picture_has_it_drawn_anew(
    job: TrainingJob, base: Base, settings: dict[str, object]
) -> None:
    plain, other = (_found(job, base, num_class_images=1, **own) for own in ({}, settings))
    assert plain[0].path != other[0].path


@pytest.mark.parametrize(
    "changes", [{"prediction_type": "v_prediction"}, {"dtype": torch.bfloat16}], ids=str
)
def test_a_base_that_computes_otherwise_draws_anew(
    job: TrainingJob, base: Base, changes: dict[str, Any]
) -> None:
    other = replace(base, **changes)
    assert _found(job, base)[0].path != _found(job, other)[0].path


def test_another_base_and_another_beginning_draw_anew(
    job: TrainingJob, base: Base, tmp_path: Path
) -> None:
    start = tmp_path / "start.safetensors"
    start.write_bytes(b"1")
    jobs = [job, replace(job, base=replace(job.base, sha256="f" * 64))]
    jobs.append(replace(job, start_path=start))
    paths = [_found(each, base, num_class_images=1)[0].path for each in jobs]
    start.write_bytes(b"2")
    paths.append(_found(jobs[-1], base, num_class_images=1)[0].path)
    assert len(set(paths)) == 4


def test_it_has_to_be_said_of_what_they_are_to_be_drawn(job: TrainingJob, base: Base) -> None:
    given = replace(job, class_images=job.images[:1])
    with pytest.raises(
        UsageError, match="5 pictures are to be drawn, and there is no class_prompt"
    ):
        _found(given, base, num_class_images=6, class_prompt="")


def test_nothing_is_dropped_while_a_lora_that_is_gone_on_with_draws(
    tiny_base: Path, tmp_path: Path
) -> None:
    """Else the pictures would depend on what chance did before, and the cache on who came first."""
    quick = ASKED | {"preview": False, "max_train_steps": 1, "rank": 2, "text_encoder_lr": 0}
    config = LoraConfig.model_validate(quick)
    (tmp_path / "start").mkdir()
    (path,) = find_trainer("lora").train(
        training_job(config, tiny_base, tmp_path / "start"), Heard()
    )
    tensors = {name: tensor + 0.1 for name, tensor in load_file(path).items()}
    save_file(tensors, path)
    pictures = []
    for seed, dropout in ((1, 0.0), (2, 0.5)):
        folder = tmp_path / str(seed)
        folder.mkdir()
        config = LoraConfig.model_validate(quick | {"network_dropout": dropout})
        job = replace(training_job(config, tiny_base, folder), start_path=path)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            find_trainer("lora").train(job, Heard())
        drawn_there = sorted((job.cache_path / "class").iterdir())
        pictures.append([file.read_bytes() for file in drawn_there])
    assert len(pictures[0]) == 2
    assert pictures[0] == pictures[1]
