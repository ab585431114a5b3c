"""The parts of the micro base: Stable Diffusion XL's own classes with small numbers in them.

Block for block the layout is SDXL's (Podell et al. 2023, arXiv:2307.01952): three stages, the first
without attention, two layers each, so every name of a published SDXL LoRA has its place here.
"""

from __future__ import annotations

from typing import Any

import torch
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

SCALING_FACTOR = 0.13025
PICTURE_SIZE = 128
"""Default width and height in pixels; latents are an eighth of it."""
VOCABULARY = 49408
START, END = 49406, 49407
CLIP_L_WIDTH, CLIP_G_WIDTH, POOLED_WIDTH, SIZE_WIDTH = 32, 40, 64, 16
"""Two widths, as in SDXL: loaders of single files tell the text encoders apart by them."""

WORD_DEVIATION = 0.1
"""Words nobody taught stay this large: a LoRA can tell them apart, and they hardly mislead."""

SCHEDULE = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "num_train_timesteps": 1000,
    "prediction_type": "epsilon",
}
"""SDXL's noise schedule."""


def build_vae() -> AutoencoderKL:
    """Return an untrained autoencoder of factor 8 with 4 latent channels."""
    return AutoencoderKL(
        block_out_channels=(16, 32, 64, 64),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=4,
        sample_size=PICTURE_SIZE,
        scaling_factor=SCALING_FACTOR,
        force_upcast=True,
    )


def build_unet() -> UNet2DConditionModel:
    """Return an untrained U-Net with size and crop conditioning (`text_time`)."""
    return UNet2DConditionModel(
        sample_size=PICTURE_SIZE // 8,
        block_out_channels=(32, 64, 112),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=2,
        transformer_layers_per_block=(1, 1, 2),
        attention_head_dim=(1, 2, 4),
        norm_num_groups=8,
        use_linear_projection=True,
        cross_attention_dim=CLIP_L_WIDTH + CLIP_G_WIDTH,
        addition_embed_type="text_time",
        addition_time_embed_dim=SIZE_WIDTH,
        projection_class_embeddings_input_dim=POOLED_WIDTH + 6 * SIZE_WIDTH,
    )


def build_text_encoders() -> tuple[CLIPTextModel, CLIPTextModelWithProjection]:
    """Return the two untrained text encoders: CLIP-L's twelve layers, and a shorter CLIP-G."""
    clip_l = CLIPTextModel(_text_config(CLIP_L_WIDTH, layers=12, pad=END))
    clip_g = CLIPTextModelWithProjection(_text_config(CLIP_G_WIDTH, layers=6, pad=0))
    for encoder in (clip_l, clip_g):
        torch.nn.init.normal_(encoder.get_input_embeddings().weight, std=WORD_DEVIATION)
    return clip_l, clip_g


def build_scheduler() -> DDPMScheduler:
    """Return the training schedule."""
    return DDPMScheduler(**SCHEDULE)


def encode_prompts(
    clip_l: CLIPTextModel,
    clip_g: CLIPTextModelWithProjection,
    ids_l: torch.Tensor,
    ids_g: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return SDXL's context and pooled text for token ids of shape (batch, 77).

    Returns:
        Both encoders' last hidden states but one, side by side (batch, 77, 72), and the second
        encoder's projected text (batch, 64).
    """
    first = clip_l(ids_l, output_hidden_states=True)
    second = clip_g(ids_g, output_hidden_states=True)
    context = torch.cat([first.hidden_states[-2], second.hidden_states[-2]], dim=-1)
    return context, second.text_embeds


def time_ids(size: int, batch: int) -> torch.Tensor:
    """Return size conditioning for uncropped square pictures: shape (batch, 6)."""
    return torch.tensor([[size, size, 0, 0, size, size]], dtype=torch.float32).repeat(batch, 1)


def _text_config(width: int, *, layers: int, pad: int) -> CLIPTextConfig:
    """Return a CLIP text configuration `width` wide."""
    values: dict[str, Any] = {
        "hidden_size": width,
        "intermediate_size": 4 * width,
        "num_hidden_layers": layers,
        "num_attention_heads": 2,
        "projection_dim": POOLED_WIDTH,
        "hidden_act": "quick_gelu" if layers == 12 else "gelu",
        "vocab_size": VOCABULARY,
        "max_position_embeddings": 77,
        "bos_token_id": START,
        "eos_token_id": END,
        "pad_token_id": pad,
        "initializer_factor": 1.0,
    }
    return CLIPTextConfig(**values)
