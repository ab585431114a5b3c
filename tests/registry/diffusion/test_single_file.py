"""A base as one file in the original layout gives the same pipeline as its diffusers folder."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionXLPipeline
from safetensors.torch import save_file
from torch import Tensor

from sdxl_reg.diffusion.micro import micro_base_files, write_files
from sdxl_reg.diffusion.pipeline import load_pipeline
from sdxl_reg.errors import UsageError
from sdxl_reg.testing import draw

RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
OUTER = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
VAE = {
    "mid_block.resnets.0": "mid.block_1",
    "mid_block.resnets.1": "mid.block_2",
    "mid_block.attentions.0": "mid.attn_1",
    "downsamplers.0": "downsample",
    "upsamplers.0": "upsample",
    "resnets": "block",
    "conv_shortcut": "nin_shortcut",
    "group_norm": "norm",
    "conv_norm_out": "norm_out",
    "to_q": "q",
    "to_k": "k",
    "to_v": "v",
    "to_out.0": "proj_out",
    "down_blocks": "down",
    **{f"up_blocks.{number}.": f"up.{3 - number}." for number in range(4)},
}
LAYER = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
}


def _unet_key(key: str) -> str:
    """Two layers per block; the second up block's upsampler stands behind an attention."""
    for old, new in OUTER.items():
        if key.startswith(old + "."):
            return key.replace(old, new, 1)
    side, *parts = key.split(".")
    if side == "mid_block":
        inner, number, *rest = parts
        block = f"middle_block.{1 if inner == 'attentions' else 2 * int(number)}"
    else:
        stage, inner, number, *rest = parts
        first = 3 * int(stage)
        if inner == "downsamplers":
            return f"input_blocks.{first + 3}.0.op.{rest[-1]}"
        if inner == "upsamplers":
            return f"output_blocks.{first + 2}.2.conv.{rest[-1]}"
        place = 1 if inner == "attentions" else 0
        block = (
            f"input_blocks.{first + int(number) + 1}.{place}"
            if side == "down_blocks"
            else f"output_blocks.{first + int(number)}.{place}"
        )
    if inner == "resnets":
        rest = [RESNET[rest[0]], *rest[1:]]
    return ".".join([block, *rest])


def _vae(key: str, value: Tensor) -> tuple[str, Tensor]:
    is_attention_matrix = "attentions" in key and value.ndim == 2
    for old, new in VAE.items():
        key = key.replace(old, new)
    return key, value[:, :, None, None] if is_attention_matrix else value


def _open_clip(weights: dict[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    outer = {
        "text_model.embeddings.token_embedding.weight": "token_embedding.weight",
        "text_model.embeddings.position_embedding.weight": "positional_embedding",
        "text_model.final_layer_norm.weight": "ln_final.weight",
        "text_model.final_layer_norm.bias": "ln_final.bias",
    }
    for key, value in weights.items():
        if key in outer:
            yield outer[key], value
        elif key == "text_projection.weight":
            yield "text_projection", value.T
        elif "q_proj" in key:
            stem = key.replace("text_model.encoder.layers", "transformer.resblocks")
            stem, suffix = stem.split(".self_attn.q_proj.")
            fused = [weights[key.replace("q_proj", f"{name}_proj")] for name in "qkv"]
            yield f"{stem}.attn.in_proj_{suffix}", torch.cat(fused)
        elif "k_proj" not in key and "v_proj" not in key and "position_ids" not in key:
            key = key.replace("text_model.encoder.layers", "transformer.resblocks")
            for old, new in LAYER.items():
                key = key.replace(old, new)
            yield key, value


def _original_layout(pipeline: Any) -> dict[str, Tensor]:
    tensors = {
        f"model.diffusion_model.{_unet_key(key)}": value
        for key, value in pipeline.unet.state_dict().items()
    }
    for key, value in pipeline.vae.state_dict().items():
        name, matrix = _vae(key, value)
        tensors[f"first_stage_model.{name}"] = matrix
    for key, value in pipeline.text_encoder.state_dict().items():
        path = "text_model." + key.removeprefix("text_model.")
        tensors[f"conditioner.embedders.0.transformer.{path}"] = value
    for key, value in _open_clip(pipeline.text_encoder_2.state_dict()):
        tensors[f"conditioner.embedders.1.model.{key}"] = value
    return {name: value.clone().contiguous() for name, value in tensors.items()}


@pytest.fixture
def single_file(tiny_base: Path, tmp_path: Path) -> Path:
    path = tmp_path / "tiny.safetensors"
    save_file(_original_layout(load_pipeline(tiny_base)), path)
    return path


def test_it_draws_the_same_pictures_as_its_folder(tiny_base: Path, single_file: Path) -> None:
    folder = load_pipeline(tiny_base)
    file = load_pipeline(single_file, config_path=tiny_base)
    assert np.array_equal(draw(file), draw(folder))


def test_it_needs_a_folder_of_its_configuration(single_file: Path) -> None:
    with pytest.raises(UsageError, match="configured"):
        load_pipeline(single_file)


@pytest.mark.slow
def test_plain_diffusers_reads_the_micro_base_from_one_file(tmp_path: Path) -> None:
    """It tells the text encoders apart by their widths, which is why the micro base has two."""
    folder = write_files(micro_base_files(), tmp_path / "micro")
    path = tmp_path / "micro.safetensors"
    save_file(_original_layout(load_pipeline(folder)), path)

    plain = StableDiffusionXLPipeline.from_single_file(
        str(path), config=str(folder), torch_dtype=torch.float32, local_files_only=True
    )

    expected = load_pipeline(folder)
    for part in ("unet", "vae", "text_encoder", "text_encoder_2"):
        weights = getattr(plain, part).state_dict()
        for name, tensor in getattr(expected, part).state_dict().items():
            assert torch.equal(weights[name], tensor), (part, name)
