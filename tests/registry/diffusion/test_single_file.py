"""A base as one file in the original layout gives the same pipeline as its diffusers folder."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, StableDiffusionXLPipeline, UNet2DConditionModel
from diffusers.loaders import single_file_utils as published
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from sdxl_reg.diffusion import full_size
from sdxl_reg.diffusion.micro import micro_base_files, write_files
from sdxl_reg.diffusion.pipeline import load_pipeline
from sdxl_reg.diffusion.single_file import (
    Parts,
    from_single_file,
    read_single_file,
    save_single_file,
    to_single_file,
    weights_of,
)
from sdxl_reg.diffusion.weights import save_weights
from sdxl_reg.errors import Corrupt, InvalidValue, UsageError
from sdxl_reg.formats.checkpoint import require_sdxl
from sdxl_reg.formats.safetensors import read_header
from sdxl_reg.testing import draw


@pytest.fixture(scope="module")
def parts(tiny_base: Path) -> Parts:
    return weights_of(load_pipeline(tiny_base))


@pytest.fixture
def single_file(parts: Parts, tmp_path: Path) -> Path:
    path = tmp_path / "tiny.safetensors"
    save_single_file(path, parts, metadata={})
    return path


@pytest.fixture(scope="module")
def full_size_parts() -> Parts:
    """The weights of full-size SDXL on the meta device: names and shapes without memory."""
    with torch.device("meta"):
        unet = UNet2DConditionModel.from_config(full_size.UNET)
        vae = AutoencoderKL.from_config(full_size.VAE)
        first = CLIPTextModel(CLIPTextConfig(**full_size.CLIP_L))
        second = CLIPTextModelWithProjection(CLIPTextConfig(**full_size.CLIP_G))
    return weights_of(
        SimpleNamespace(unet=unet, vae=vae, text_encoder=first, text_encoder_2=second)
    )


def require_equal(found: Parts, expected: Parts) -> None:
    for part, weights in expected.items():
        assert found[part].keys() == weights.keys()
        for name, tensor in weights.items():
            assert torch.equal(found[part][name], tensor), (part, name)


def test_weights_come_back_bit_for_bit(parts: Parts, single_file: Path) -> None:
    require_equal(read_single_file(single_file), parts)


def test_equal_weights_give_equal_bytes(parts: Parts, single_file: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.safetensors"
    save_single_file(again, read_single_file(single_file), metadata={})
    assert again.read_bytes() == single_file.read_bytes()


def test_it_draws_the_same_pictures_as_its_folder(tiny_base: Path, single_file: Path) -> None:
    require_sdxl(single_file, config_path=tiny_base)
    folder = load_pipeline(tiny_base)
    file = load_pipeline(single_file, config_path=tiny_base)
    assert np.array_equal(draw(file), draw(folder))


def test_it_needs_a_folder_of_its_configuration(single_file: Path) -> None:
    with pytest.raises(UsageError, match="configured"):
        load_pipeline(single_file)


@pytest.mark.slow
def test_plain_diffusers_reads_the_micro_base_and_draws_the_same(tmp_path: Path) -> None:
    """It tells the text encoders apart by their widths, which is why the micro base has two."""
    folder = write_files(micro_base_files(), tmp_path / "micro")
    expected = load_pipeline(folder)
    path = tmp_path / "micro.safetensors"
    save_single_file(path, weights_of(expected), metadata={})

    plain = StableDiffusionXLPipeline.from_single_file(
        str(path), config=str(folder), torch_dtype=torch.float32, local_files_only=True
    )

    require_equal(weights_of(plain), weights_of(expected))
    assert np.array_equal(draw(plain), draw(expected))


def test_one_number_format_can_be_asked_of_every_weight(parts: Parts, tmp_path: Path) -> None:
    path = tmp_path / "half.safetensors"
    save_single_file(path, parts, metadata={"modelspec.title": "x"}, dtype=torch.float16)
    header = read_header(path)
    assert {tensor.dtype for tensor in header.tensors.values()} == {"F16"}
    assert header.metadata["modelspec.title"] == "x"


def test_a_model_that_predicts_v_is_marked_and_the_marks_are_no_weights(
    parts: Parts, tmp_path: Path
) -> None:
    path = tmp_path / "v.safetensors"
    save_single_file(path, parts, metadata={}, marks=("v_pred", "ztsnr"))
    assert {"v_pred", "ztsnr"} <= read_header(path).tensors.keys()
    require_equal(read_single_file(path), parts)


def test_a_key_that_belongs_to_no_part_is_refused(parts: Parts, tmp_path: Path) -> None:
    strange = {"unet": {**parts["unet"], "down_blocks.0.resnets.0.conv9.weight": torch.zeros(1)}}
    with pytest.raises(InvalidValue, match="conv9"):
        to_single_file(strange)
    path = tmp_path / "x.safetensors"
    save_weights(path, {**to_single_file(parts), "model_ema.decay": torch.zeros(1)}, {})
    with pytest.raises(Corrupt, match=r"model_ema\.decay"):
        read_single_file(path)


def test_a_third_of_a_fused_weight_cannot_be_missing(parts: Parts) -> None:
    missing = "text_model.encoder.layers.0.self_attn.k_proj.bias"
    rest = {name: t for name, t in parts["text_encoder_2"].items() if name != missing}
    with pytest.raises(InvalidValue, match=r"k_proj\.bias"):
        to_single_file({"text_encoder_2": rest})


def test_full_size_has_the_keys_of_the_published_file(full_size_parts: Parts) -> None:
    """All of its 2,515 but for position_ids and logit_scale, which hold no weight."""
    keys = to_single_file(full_size_parts)
    count = {
        prefix: sum(key.startswith(prefix) for key in keys)
        for prefix in ("model.", "first_stage_model.", "conditioner.embedders.0.")
    }
    assert count == {"model.": 1680, "first_stage_model.": 248, "conditioner.embedders.0.": 196}
    assert len(keys) == 2515 - 2


def test_diffusers_maps_full_size_back_to_the_same_names_and_shapes(full_size_parts: Parts) -> None:
    tensors = to_single_file(full_size_parts)
    read = {
        "unet": published.convert_ldm_unet_checkpoint(tensors, full_size.UNET),
        "vae": published.convert_ldm_vae_checkpoint(tensors, full_size.VAE),
        "text_encoder": published.convert_ldm_clip_checkpoint(tensors),
        "text_encoder_2": published.convert_open_clip_checkpoint(
            SimpleNamespace(config=None), tensors, prefix="conditioner.embedders.1.model."
        ),
    }
    for part, weights in full_size_parts.items():
        expected = {name: tensor.shape for name, tensor in weights.items()}
        assert {name: tensor.shape for name, tensor in read[part].items()} == expected
    ours = from_single_file(tensors)
    for part, weights in full_size_parts.items():
        assert ours[part].keys() == weights.keys()
