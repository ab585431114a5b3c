"""What happens in a training of the tiny base, beyond what every trainer keeps."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from sdxl_reg.errors import Corrupt, InvalidValue, UsageError, WorkFailed
from sdxl_reg.formats.hashes import auto_v3
from sdxl_reg.formats.safetensors import read_header
from sdxl_reg.testing import Heard, training_job
from sdxl_reg.trainers.interface import TrainingImage
from sdxl_reg_lora.config import LoraConfig
from sdxl_reg_lora.train import train


def _train(base: Path, folder: Path, **settings: Any) -> tuple[list[Path], Heard]:
    folder.mkdir(exist_ok=True)
    heard = Heard()
    quick = {"preview": False, "rank": 16, "alpha": 16}
    job = training_job(LoraConfig.model_validate(quick | settings), base, folder)
    return train(job, heard), heard


def test_a_picture_is_learnt(tiny_base: Path, tmp_path: Path) -> None:
    """Each step has noise of its own, so training is compared with hardly training at all."""
    losses = {}
    for rate in (1e-9, 0.02):
        folder = tmp_path / str(rate)
        folder.mkdir()
        config = LoraConfig(
            max_train_steps=16,
            learning_rate=rate,
            lr_scheduler="constant",
            text_encoder_lr=0,
            preview=False,
        )
        job = training_job(config, tiny_base, folder)
        heard = Heard()
        train(replace(job, images=job.images[:1]), heard)
        losses[rate] = np.mean([values["loss"] for step, values in heard.metrics if step > 8])
    assert losses[0.02] < 0.95 * losses[1e-9]


def test_the_file_says_how_it_was_made(tiny_base: Path, tmp_path: Path) -> None:
    files, _ = _train(tiny_base, tmp_path, max_train_steps=1, rank=8, alpha=4)
    metadata = read_header(files[-1]).metadata
    assert metadata["ss_network_module"] == "networks.lora"
    assert (metadata["ss_network_dim"], metadata["ss_network_alpha"]) == ("8", "4.0")
    assert metadata["ss_resolution"] == "(64, 64)"
    assert metadata["ss_steps"] == "1"
    assert metadata["sshs_model_hash"] == auto_v3(files[-1])


@pytest.mark.parametrize(
    ("precision", "dtype"), [("float", "F32"), ("fp16", "F16"), ("bf16", "BF16")]
)
def test_every_tensor_has_the_asked_precision(
    tiny_base: Path, tmp_path: Path, precision: str, dtype: str
) -> None:
    files, _ = _train(tiny_base, tmp_path, max_train_steps=1, save_precision=precision)
    assert {tensor.dtype for tensor in read_header(files[0]).tensors.values()} == {dtype}


def test_only_the_parts_with_a_learning_rate_are_saved(tiny_base: Path, tmp_path: Path) -> None:
    files, _ = _train(tiny_base, tmp_path / "unet", max_train_steps=1, text_encoder_lr=0)
    assert {name[:9] for name in read_header(files[0]).tensors} == {"lora_unet"}
    settings = {"max_train_steps": 1, "unet_lr": 0, "text_encoder_lr": 1e-3}
    files, _ = _train(tiny_base, tmp_path / "text", **settings)
    assert {name[:9] for name in read_header(files[0]).tensors} == {"lora_te1_", "lora_te2_"}


COMMON = {"max_train_steps": 2, "train_batch_size": 2, "learning_rate": 0.05}


@pytest.fixture(scope="module")
def plain(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Hash of the tensors of a training with few settings."""
    return auto_v3(_train(tiny_base, tmp_path_factory.mktemp("plain"), **COMMON)[0][-1])


@pytest.mark.parametrize(
    "settings",
    [
        {"optimizer_type": "Adafactor"},
        {"noise_offset": 0.1},
        {"min_snr_gamma": 5},
        {"caption_dropout_rate": 1},
        {"size_conditioning": "target"},
        {"resolution": 128},
        {"lr_scheduler": "linear"},
        {"loss_type": "huber"},
        {"multires_noise_iterations": 4},
        {"ip_noise_gamma": 0.1},
        {"debiased_estimation_loss": True},
        {"flip_aug": True},
        {"random_crop": True},
        {"enable_bucket": False},
        {"shuffle_caption": True, "caption_separator": " "},
        {"caption_prefix": "a black"},
        {"gradient_accumulation_steps": 2},
        {"network_dropout": 0.5},
        {"rank_dropout": 0.5},
        {"module_dropout": 0.5},
        {"scale_weight_norms": 0.01},
        {"algorithm": "dora"},
        {"algorithm": "loha"},
        {"algorithm": "lokr"},
        {"conv_rank": 4},
        {"min_timestep": 500},
        {"text_encoder_2_lr": 0.01},
        {"weight_decay": 1.0},
        {"max_grad_norm": 0.01},
        {"mixed_precision": "bf16"},
        {"seed": 1},
    ],
)
def test_every_setting_makes_a_difference(
    tiny_base: Path, tmp_path: Path, plain: str, settings: dict[str, Any]
) -> None:
    changed, _ = _train(tiny_base, tmp_path, **COMMON | settings)
    assert auto_v3(changed[-1]) != plain


def test_checkpointing_changes_nothing(tiny_base: Path, tmp_path: Path, plain: str) -> None:
    thrifty, _ = _train(tiny_base, tmp_path, **COMMON, gradient_checkpointing=True)
    assert auto_v3(thrifty[-1]) == plain


@pytest.mark.parametrize("resolution", [256, 1024])
def test_a_resolution_that_the_base_cannot_draw_is_refused(
    tiny_base: Path, tmp_path: Path, resolution: int
) -> None:
    with pytest.raises(InvalidValue, match="64 px"):
        _train(tiny_base, tmp_path, resolution=resolution)


def test_a_loss_that_is_no_number_stops_the_run_and_names_the_batch(
    tiny_base: Path, tmp_path: Path
) -> None:
    with pytest.raises(WorkFailed, match=r"at step \d+, with .*\.png"):
        _train(tiny_base, tmp_path, max_train_steps=50, learning_rate=10, max_grad_norm=0,
               alpha=65504, rank=1, lr_scheduler="constant")  # fmt: skip


def test_a_picture_that_cannot_be_decoded_is_named(tiny_base: Path, tmp_path: Path) -> None:
    job = training_job(LoraConfig(), tiny_base, tmp_path)
    job.images[2].path.write_bytes(b"no picture")
    with pytest.raises(Corrupt, match=job.images[2].path.name):
        train(job, Heard())


def test_no_pictures_and_no_learning_rate_are_refused(tiny_base: Path, tmp_path: Path) -> None:
    job = training_job(LoraConfig(unet_lr=0, text_encoder_lr=0), tiny_base, tmp_path)
    with pytest.raises(UsageError, match="nothing to train"):
        train(job, Heard())
    with pytest.raises(UsageError, match="no pictures"):
        train(replace(job, images=[]), Heard())


def test_the_callers_random_numbers_are_left_alone(tiny_base: Path, tmp_path: Path) -> None:
    before = torch.get_rng_state()
    _train(tiny_base, tmp_path, max_train_steps=1)
    assert torch.equal(torch.get_rng_state(), before)


def test_one_picture_larger_than_anything_is_cut_to_size(tiny_base: Path, tmp_path: Path) -> None:
    job = training_job(LoraConfig(max_train_steps=1), tiny_base, tmp_path)
    path = tmp_path / "large.png"
    Image.new("RGBA", (900, 70), (255, 0, 0, 128)).save(path)
    image = TrainingImage(path=path, sha256="0" * 64, caption="", tags="")
    assert train(replace(job, images=[image]), Heard())


@pytest.mark.parametrize("algorithm", ["lora", "dora", "loha", "lokr"])
def test_training_goes_on_from_a_file_with_its_ranks_and_values(
    tiny_base: Path, tmp_path: Path, algorithm: str
) -> None:
    own: dict[str, Any] = {"algorithm": algorithm, "rank": 2, "alpha": 1, "conv_rank": 3}
    own["save_precision"] = "float"
    (first,), _ = _train(
        tiny_base, tmp_path / "first", max_train_steps=1, learning_rate=0.05, **own
    )
    (tmp_path / "on").mkdir()
    still = {"max_train_steps": 1, "learning_rate": 1e-9, "text_encoder_lr": 1e-9}
    kept = {"preview": False, "save_precision": "float", "algorithm": algorithm}
    config = LoraConfig.model_validate(still | kept)
    job = training_job(config, tiny_base, tmp_path / "on")
    (second,) = train(replace(job, start_path=first), Heard())
    before, after = load_file(first), load_file(second)
    assert before.keys() == after.keys()
    whole = {name.partition(".")[0] for name in before if name.endswith(".lokr_w2")}
    for name, value in before.items():  # one step at a rate of 1e-9 hardly moves them
        if name.endswith(".alpha") and name.partition(".")[0] in whole:
            continue  # LoKr of two whole factors has no rank, and readers ask for no alpha
        assert torch.allclose(value, after[name], atol=1e-6), name


def test_a_file_that_training_cannot_go_on_from_is_refused(tiny_base: Path, tmp_path: Path) -> None:
    (first,), _ = _train(tiny_base, tmp_path / "first", max_train_steps=1)
    for number, (settings, fault) in enumerate(
        (({"text_encoder_lr": 0}, "would be lost"), ({"algorithm": "dora"}, "algorithm lora"))
    ):
        (tmp_path / f"{number}").mkdir()
        job = training_job(LoraConfig.model_validate(settings), tiny_base, tmp_path / f"{number}")
        with pytest.raises(UsageError, match=fault):
            train(replace(job, start_path=first), Heard())
