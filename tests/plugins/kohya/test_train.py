"""Driving a checkout of sd-scripts: a program that behaves like its own, and none at all."""

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

import sdxl_reg_kohya
from sdxl_reg.errors import InvalidSettings, UsageError, WorkFailed
from sdxl_reg.formats.hashes import auto_v3
from sdxl_reg.formats.safetensors import read_header
from sdxl_reg.testing import OUTPUT_NAME, Heard, training_job
from sdxl_reg.trainers.config import parsed
from sdxl_reg.trainers.discovery import find_trainer
from sdxl_reg.trainers.interface import TrainingJob
from tests.plugins.kohya.checkout import fake_checkout


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout that the settings name."""
    (tmp_path / "sd-scripts").mkdir()
    path = fake_checkout(tmp_path / "sd-scripts")
    monkeypatch.setenv("SDXL_REG_SD_SCRIPTS", str(path))
    return path


def _job(base: Path, folder: Path, **settings: object) -> TrainingJob:
    (folder / "job").mkdir()
    config = parsed(sdxl_reg_kohya.lora.config, dict(settings), trainer="kohya-lora")
    job = training_job(config, base, folder / "job")
    job.cache_path.mkdir()
    return job


def test_its_files_become_versions_with_our_keys_and_their_own_weights(
    tiny_base: Path, tmp_path: Path, checkout: Path
) -> None:
    heard = Heard()
    job = _job(tiny_base, tmp_path, rank=8)
    files = sdxl_reg_kohya.lora.train(job, heard)
    assert [path.name for path in files] == [
        f"{OUTPUT_NAME}-000001.safetensors",
        f"{OUTPUT_NAME}.safetensors",
    ]
    assert [(version.epoch, version.step) for version in heard.versions] == [(1, 1), (2, 2)]
    metadata = read_header(files[-1]).metadata
    assert metadata["ss_own"] == "kept"
    assert metadata["sdxl_reg.run"] == job.run_key
    assert metadata["sdxl_reg.dataset"] == job.dataset_sha256
    assert metadata["sshs_model_hash"] == auto_v3(files[-1])


def test_its_steps_losses_and_missing_options_are_told(
    tiny_base: Path, tmp_path: Path, checkout: Path
) -> None:
    heard = Heard()
    sdxl_reg_kohya.lora.train(_job(tiny_base, tmp_path, min_snr_gamma=5), heard)
    assert [(step, values["loss"]) for step, values in heard.metrics] == [(1, 0.1), (2, 0.2)]
    assert (2, 2, "train") in heard.stages
    assert [version.loss for version in heard.versions] == [0.1, 0.2], "each with that of its step"
    assert any("no option --min_snr_gamma" in text for text in heard.messages)


def test_crops_are_baked_into_the_pictures_it_is_given(
    tiny_base: Path, tmp_path: Path, checkout: Path
) -> None:
    job = _job(tiny_base, tmp_path)
    wide, *others = job.images
    images = [replace(wide, crop=(0.25, 0.0, 0.75, 1.0)), *others]
    sdxl_reg_kohya.lora.train(replace(job, images=images), Heard())
    first, second, *_ = sorted(job.workspace_path.glob("sd-scripts/pictures/*/*.png"))
    with Image.open(first) as seen, Image.open(wide.path) as whole:
        assert not first.is_symlink()
        assert seen.tobytes() == whole.crop((24, 0, 72, 64)).tobytes()
    assert second.is_symlink()


def test_its_failure_is_told_with_the_end_of_what_it_said(
    tiny_base: Path, tmp_path: Path, checkout: Path
) -> None:
    with pytest.raises(WorkFailed, match=r"exit code 3(.|\n)*the sky fell"):
        sdxl_reg_kohya.lora.train(_job(tiny_base, tmp_path, learning_rate=9), Heard())


def test_without_a_checkout_one_line_says_how_to_name_one(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SDXL_REG_SD_SCRIPTS", raising=False)
    with pytest.raises(UsageError, match="SDXL_REG_SD_SCRIPTS=") as caught:
        sdxl_reg_kohya.lora.train(_job(tiny_base, tmp_path), Heard())
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_no_checkout_is_refused(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SDXL_REG_SD_SCRIPTS", str(tmp_path))
    with pytest.raises(UsageError, match=r"has no sdxl_train_network\.py"):
        sdxl_reg_kohya.lora.train(_job(tiny_base, tmp_path), Heard())


def test_settings_that_sd_scripts_does_not_have_are_refused() -> None:
    with pytest.raises(InvalidSettings, match="preview"):
        parsed(sdxl_reg_kohya.lora.config, {"preview": True}, trainer="kohya-lora")


@pytest.mark.parametrize("name", ["kohya-lora", "kohya-embedding", "kohya-checkpoint"])
def test_all_three_are_registered_and_described(name: str) -> None:
    trainer = find_trainer(name)
    assert trainer.name == name
    assert all(field.description for field in trainer.config.model_fields.values())
