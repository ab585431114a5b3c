"""A random, tiny, complete SDXL to test trainers on, written as a diffusers folder."""

from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    EulerDiscreteScheduler,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from sdxl_reg.diffusion.micro import PADS, tokenizer_files, write_files

WORDS = ("red", "blue", "mug", "shoe", "spot", "fold", "black", "a")
WIDTH, POOLED, SIZE = 16, 16, 8


def merges() -> bytes:
    """A merges.txt that makes one token of each of a few words."""
    lines = ["#version: 0.2"]
    for word in WORDS:
        head, *rest = [*word[:-1], word[-1] + "</w>"]
        for character in rest:
            if (line := f"{head} {character}") not in lines:
                lines.append(line)
            head += character
    return ("\n".join(lines) + "\n").encode()


def tiny_unet() -> UNet2DConditionModel:
    """SDXL's U-Net, block for block, with one and two transformer layers instead of 2 and 10."""
    return UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(16, 16, 32),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=2,
        transformer_layers_per_block=(1, 1, 2),
        attention_head_dim=(1, 1, 2),
        norm_num_groups=4,
        use_linear_projection=True,
        cross_attention_dim=2 * WIDTH,
        addition_embed_type="text_time",
        addition_time_embed_dim=SIZE,
        projection_class_embeddings_input_dim=POOLED + 6 * SIZE,
    )


def write_tiny_base(folder: Path) -> Path:
    """Write the folder; the same weights every time.

    Returns:
        The folder.
    """
    for name, pad in PADS.items():
        write_files(tokenizer_files(merges(), pad), folder / name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        _pipeline(folder).save_pretrained(folder)
    return folder


def _pipeline(folder: Path) -> Any:
    tokenizers = {name: CLIPTokenizer.from_pretrained(folder / name) for name in PADS}
    return StableDiffusionXLPipeline(
        vae=_vae(),
        text_encoder=CLIPTextModel(_text_config(len(tokenizers["tokenizer"]), layers=3)),
        text_encoder_2=CLIPTextModelWithProjection(
            _text_config(len(tokenizers["tokenizer"]), layers=2)
        ),
        unet=tiny_unet(),
        scheduler=EulerDiscreteScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            timestep_spacing="leading",
        ),
        add_watermarker=False,
        **tokenizers,
    )


def _vae() -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=(8, 8, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=4,
        sample_size=64,
        scaling_factor=0.13025,
    )


def _text_config(vocabulary: int, *, layers: int) -> CLIPTextConfig:
    return CLIPTextConfig(
        hidden_size=WIDTH,
        intermediate_size=2 * WIDTH,
        num_hidden_layers=layers,
        num_attention_heads=2,
        projection_dim=POOLED,
        vocab_size=vocabulary,
        max_position_embeddings=77,
        bos_token_id=vocabulary - 2,
        eos_token_id=vocabulary - 1,
        pad_token_id=vocabulary - 1,
    )
