"""A random, tiny, complete refiner: four stages, one text encoder, an aesthetic score."""

from pathlib import Path
from typing import Any

import torch
from diffusers import StableDiffusionXLImg2ImgPipeline, UNet2DConditionModel

from sdxl_reg.diffusion.single_file import to_single_file
from sdxl_reg.diffusion.tiny import POOLED, SIZE, WIDTH
from sdxl_reg.diffusion.weights import save_weights
from sdxl_reg.formats.single_file import spelled

FIRST, SECOND = "conditioner.embedders.0.model.", "conditioner.embedders.1.model."


def refiner_unet() -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(16, 16, 32, 32),
        down_block_types=(
            "DownBlock2D",
            "CrossAttnDownBlock2D",
            "CrossAttnDownBlock2D",
            "DownBlock2D",
        ),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=2,
        transformer_layers_per_block=1,
        attention_head_dim=(1, 1, 2, 2),
        norm_num_groups=4,
        use_linear_projection=True,
        cross_attention_dim=WIDTH,
        addition_embed_type="text_time",
        addition_time_embed_dim=SIZE,
        projection_class_embeddings_input_dim=POOLED + 5 * SIZE,
    )


def write_tiny_refiner(folder: Path, base: Any) -> Path:
    """The folder, with everything but the U-Net taken from a base."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        unet = refiner_unet()
    StableDiffusionXLImg2ImgPipeline(
        vae=base.vae,
        text_encoder=None,
        tokenizer=None,
        text_encoder_2=base.text_encoder_2,
        tokenizer_2=base.tokenizer_2,
        unet=unet,
        scheduler=base.scheduler,
        requires_aesthetics_score=True,
        force_zeros_for_empty_prompt=False,
        add_watermarker=False,
    ).save_pretrained(folder)
    return folder


def write_single_file(path: Path, refiner: Any) -> Path:
    """The same in the original layout."""
    parts = {
        part: {
            spelled(part, name): tensor
            for name, tensor in getattr(refiner, part).state_dict().items()
        }
        for part in ("unet", "vae", "text_encoder_2")
    }
    tensors = {key.replace(SECOND, FIRST): tensor for key, tensor in to_single_file(parts).items()}
    save_weights(path, tensors, {})
    return path
