"""The training loop on the tiny base: what it says, measures, draws, saves and leaves alone."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from sdxl_reg.errors import WorkFailed
from sdxl_reg.formats.safetensors import read_header
from sdxl_reg.testing import Heard, Stopping, training_job
from sdxl_reg.trainers.config import parsed
from sdxl_reg.trainers.discovery import find_trainer
from sdxl_reg.trainers.interface import TrainingJob
from sdxl_reg.training.base import PARTS, loaded_base
from sdxl_reg.training.loop import fit
from sdxl_reg.training.state import load_state
from sdxl_reg.vocabulary import ArtifactKind
from sdxl_reg_lora.config import LoraConfig
from sdxl_reg_lora.trainee import LoraTrainee

QUICK: dict[str, Any] = {
    "preview": False,
    "sample_steps": 2,
    "max_train_steps": 2,
    "train_batch_size": 2,
}
TRAINERS = ["lora", "embedding", "hypernetwork", "checkpoint"]
SS_NAMES = [
    "session_id", "output_name", "learning_rate", "text_encoder_lr", "unet_lr",
    "num_train_images", "num_validation_images", "num_reg_images", "num_batches_per_epoch",
    "num_epochs", "epoch", "steps", "max_train_steps", "gradient_checkpointing",
    "gradient_accumulation_steps", "lr_warmup_steps", "lr_scheduler", "network_module",
    "network_dim", "network_alpha", "network_dropout", "network_args", "mixed_precision",
    "full_fp16", "v2", "base_model_version", "clip_skip", "max_token_length", "cache_latents",
    "seed", "lowram", "noise_offset", "multires_noise_iterations", "multires_noise_discount",
    "adaptive_noise_scale", "zero_terminal_snr", "training_comment", "sd_scripts_commit_hash",
    "optimizer", "max_grad_norm", "caption_dropout_rate", "caption_dropout_every_n_epochs",
    "caption_tag_dropout_rate", "face_crop_aug_range", "prior_loss_weight", "min_snr_gamma",
    "scale_weight_norms", "ip_noise_gamma", "debiased_estimation", "loss_type",
    "huber_schedule", "huber_scale", "huber_c", "fp8_base", "datasets", "tag_frequency",
    "dataset_dirs", "bucket_info", "resolution", "batch_size_per_device", "enable_bucket",
    "flip_aug", "sd_model_name", "sd_model_hash", "new_sd_model_hash", "vae_name", "vae_hash",
    "new_vae_hash",
]  # fmt: skip
"""What sd-scripts writes for a LoRA (48d368fa, `train_network.py`), but for moments of time."""


def _job(base: Path, folder: Path, *, trainer: str = "lora", **settings: Any) -> TrainingJob:
    folder.mkdir(exist_ok=True)
    config = parsed(find_trainer(trainer).config, QUICK | settings, trainer=trainer)
    return training_job(config, base, folder)


def _train(base: Path, folder: Path, **settings: Any) -> tuple[list[Path], Heard]:
    heard = Heard()
    trainer = settings.get("trainer", "lora")
    return find_trainer(trainer).train(_job(base, folder, **settings), heard), heard


def _numbers(heard: Heard, name: str) -> list[tuple[int, float]]:
    return [(step, values[name]) for step, values in heard.metrics if name in values]


def test_every_step_says_its_numbers(tiny_base: Path, tmp_path: Path) -> None:
    _, heard = _train(tiny_base, tmp_path, max_train_steps=3, lr_scheduler="constant")
    for name in ("loss", "grad_norm", "step_s", "memory_gb"):
        assert [step for step, _ in _numbers(heard, name)] == [1, 2, 3]
    assert _numbers(heard, "lr_unet") == [(step, 5e-5) for step in (1, 2, 3)]
    assert _numbers(heard, "lr_text_encoder_2") == [(step, 1e-4) for step in (1, 2, 3)]
    assert (3, 3, "train") in heard.stages
    assert heard.versions[-1].loss == pytest.approx(
        sum(loss for _, loss in _numbers(heard, "loss")) / 3
    )


def test_it_says_beforehand_what_it_is_about_to_do(tiny_base: Path, tmp_path: Path) -> None:
    _, heard = _train(tiny_base, tmp_path, validation_split=0.25)
    text = "\n".join(heard.messages)
    assert re.search(r"3 pictures, by size .*64×64.*; 1 held out", text)
    assert "2 steps" in text
    assert re.search(r"about \d+\.\d\d GB of memory, .* of disk", text)


def test_the_validation_loss_is_measured_and_falls_only_through_training(
    tiny_base: Path, tmp_path: Path
) -> None:
    settings = {
        "validation_split": 0.25, "validate_every_n_steps": 1, "lr_scheduler": "constant",
    }  # fmt: skip
    _, still = _train(
        tiny_base, tmp_path / "still", **settings, learning_rate=1e-12, text_encoder_lr=1e-12
    )
    steps, losses = zip(*_numbers(still, "validation_loss"), strict=True)
    assert steps == (1, 2)
    assert losses[0] == pytest.approx(losses[1], rel=1e-6), "same noise, same timesteps"
    _, moving = _train(tiny_base, tmp_path / "moving", **settings, learning_rate=0.01)
    assert _numbers(moving, "validation_loss")[1][1] != pytest.approx(losses[1], rel=1e-4)


def test_measuring_and_drawing_change_nothing_of_the_training(
    tiny_base: Path, tmp_path: Path
) -> None:
    quiet, _ = _train(tiny_base, tmp_path / "quiet", network_dropout=0.5)
    looked, heard = _train(
        tiny_base,
        tmp_path / "looked",
        network_dropout=0.5,
        sample_prompts=["a red mug"],
        sample_every_n_steps=1,
    )
    assert len(heard.samples) == 2
    ours, theirs = load_file(quiet[-1]), load_file(looked[-1])
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_samples_are_reported_with_their_step_and_prompt(tiny_base: Path, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"sample_prompts": "a red mug\na shoe", "sample_every_n_steps": 2}
    _, heard = _train(tiny_base, tmp_path, max_train_steps=3, **settings)
    assert [(step, prompt) for step, prompt, _ in heard.samples] == [
        (2, "a red mug"),
        (2, "a shoe"),
    ]
    assert len({path.read_bytes() for _, _, path in heard.samples}) == 2


def test_a_loss_that_is_no_number_names_the_step_and_the_pictures(
    tiny_base: Path, tmp_path: Path
) -> None:
    job = _job(tiny_base, tmp_path)
    config = LoraConfig.model_validate(QUICK)
    base = loaded_base(job, config)
    trainee = LoraTrainee(base, config)
    with torch.no_grad():
        trainee.groups[0].parameters[0].fill_(float("nan"))
    with pytest.raises(WorkFailed, match=r"the loss is nan at step 1, with \d\.png"):
        fit(ArtifactKind.LORA, job, config, base=base, trainee=trainee, report=Heard())
    assert not list(job.output_path.iterdir())


@pytest.fixture(scope="module")
def metadata(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Of a LoRA."""
    files, _ = _train(tiny_base, tmp_path_factory.mktemp("metadata"), validation_split=0.25)
    return dict(read_header(files[-1]).metadata)


def test_the_file_says_what_one_of_sd_scripts_says(metadata: dict[str, str]) -> None:
    assert [name for name in SS_NAMES if f"ss_{name}" not in metadata] == []


def test_what_the_file_says_is_so(metadata: dict[str, str]) -> None:
    expected = {
        "num_train_images": "3", "num_validation_images": "1", "num_reg_images": "0",
        "steps": "2", "max_train_steps": "2", "epoch": "1", "batch_size_per_device": "2",
        "optimizer": "AdamW", "noise_offset": "None", "seed": "42", "text_encoder_lr": "0.0001",
    }  # fmt: skip
    assert {name: metadata[f"ss_{name}"] for name in expected} == expected
    assert not [name for name in metadata if name.endswith(("_at", ".date"))], "no moment of time"
    (dataset,) = json.loads(metadata["ss_datasets"])
    assert (dataset["min_bucket_reso"], dataset["max_bucket_reso"]) == (32, 128)


def test_frozen_weights_are_the_same_bit_by_bit_afterwards(tiny_base: Path, tmp_path: Path) -> None:
    config = LoraConfig.model_validate(QUICK | {"learning_rate": 0.1, "lr_scheduler": "constant"})
    job = training_job(config, tiny_base, tmp_path)
    base = loaded_base(job, config)
    trainee = LoraTrainee(base, config)
    for part in (*PARTS, "vae"):
        assert any(not value.requires_grad for value in base.part(part).parameters()), part
    frozen = [
        (value, value.clone())
        for part in (*PARTS, "vae")
        for value in base.part(part).parameters()
        if not value.requires_grad
    ]
    fit(ArtifactKind.LORA, job, config, base=base, trainee=trainee, report=Heard())
    assert all(torch.equal(now, before) for now, before in frozen)
    assert all(now.grad is None for now, _ in frozen)


@pytest.mark.parametrize("trainer", TRAINERS)
def test_half_precision_trains_in_float32(tiny_base: Path, tmp_path: Path, trainer: str) -> None:
    settings = {"mixed_precision": "bf16", "learning_rate": 1e-3}
    files, heard = _train(tiny_base, tmp_path, trainer=trainer, **settings)
    assert files
    assert all(torch.isfinite(torch.tensor(loss)) for _, loss in _numbers(heard, "loss"))
    state = load_state(tmp_path / "work", "2" * 64)
    assert state is not None
    assert {value.dtype for value in state.weights.values()} == {torch.float32}


@pytest.mark.parametrize("algorithm", ["dora", "loha", "lokr"])
def test_half_precision_trains_every_algorithm(
    tiny_base: Path, tmp_path: Path, algorithm: str
) -> None:
    settings = {"mixed_precision": "bf16", "algorithm": algorithm, "rank": 2, "max_train_steps": 1}
    _, heard = _train(tiny_base, tmp_path, **settings, text_encoder_lr=0, preview=True)
    assert all(torch.isfinite(torch.tensor(loss)) for _, loss in _numbers(heard, "loss"))


def test_rates_that_are_small_move_weights_in_half_precision(
    tiny_base: Path, tmp_path: Path
) -> None:
    """A step of 1e-6 is lost on a bfloat16 of size 0.1, whose neighbours are 5e-4 away."""
    config = LoraConfig.model_validate(
        QUICK
        | {"mixed_precision": "bf16", "learning_rate": 1e-6, "lr_scheduler": "constant"}
        | {"text_encoder_lr": 0, "max_train_steps": 2}  # the first one moves the zeros only
    )
    job = training_job(config, tiny_base, tmp_path)
    base = loaded_base(job, config)
    trainee = LoraTrainee(base, config)
    before = [value.detach().clone() for value in trainee.groups[0].parameters]
    fit(ArtifactKind.LORA, job, config, base=base, trainee=trainee, report=Heard())
    moved = [
        not torch.equal(old, new)
        for old, new in zip(before, trainee.groups[0].parameters, strict=True)
    ]
    assert all(moved)


@pytest.mark.parametrize("name", ["Adafactor", "Lion", "Prodigy", "AdamWScheduleFree"])
def test_every_optimiser_goes_on_to_the_same_bytes(
    tiny_base: Path, tmp_path: Path, name: str
) -> None:
    """Prodigy keeps its estimate of the rate, schedule-free a second set of weights."""
    settings: dict[str, Any] = {
        "optimizer_type": name,
        "text_encoder_lr": 0,
        "save_every_n_steps": 1,
    }
    settings |= {"lr_scheduler": "constant", "learning_rate": 1e-3}
    (*_, straight), _ = _train(tiny_base, tmp_path / "straight", **settings, max_train_steps=4)
    job = _job(tiny_base, tmp_path / "stopped", **settings, max_train_steps=4)
    heard = Heard()
    with pytest.raises(InterruptedError):
        find_trainer("lora").train(job, Stopping(after=2))
    (*_, resumed) = find_trainer("lora").train(job, heard)
    assert "goes on after step" in " ".join(heard.messages)
    assert resumed.read_bytes() == straight.read_bytes()


def test_going_on_is_told_of_and_begins_after_the_step_of_the_state(
    tiny_base: Path, tmp_path: Path
) -> None:
    own = {"text_encoder_lr": 0}
    _train(tiny_base, tmp_path, **own)
    _, heard = _train(tiny_base, tmp_path, **own, max_train_steps=4)
    assert "goes on after step 2, from the state that was saved then" in heard.messages
    assert [step for step, _ in _numbers(heard, "loss")] == [3, 4]
