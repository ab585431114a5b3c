"""Writes the trained parts as package data in half precision, and expands them for a loader."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from diffusers import AutoencoderKL, EulerDiscreteScheduler

from micro.network import SCHEDULE
from micro.unet import Drawer
from sdxl_reg.diffusion.micro import micro_base_files, write_files

MODEL_INDEX = {
    "_class_name": "StableDiffusionXLPipeline",
    "force_zeros_for_empty_prompt": False,
    "scheduler": ["diffusers", "EulerDiscreteScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "text_encoder_2": ["transformers", "CLIPTextModelWithProjection"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "tokenizer_2": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}
"""The base has learned the empty prompt, so zeros never stand for it."""


def pack(drawer: Drawer, vae: AutoencoderKL, merges: bytes, folder: Path) -> None:
    """Write the package data; of the tokenizers only merges.txt, from which the rest follows.

    Args:
        drawer: The averaged U-Net and text encoders.
        vae: The autoencoder, its scale folded.
        merges: CLIP's merges.txt.
        folder: Where to write; files already there are replaced.
    """
    folder.mkdir(parents=True, exist_ok=True)
    modules = {
        "unet": drawer.unet,
        "text_encoder": drawer.clip_l,
        "text_encoder_2": drawer.clip_g,
        "vae": vae,
    }
    for name, module in modules.items():
        module.to(torch.float16).save_pretrained(folder / name)
        module.to(torch.float32)
        _forget_origin(folder / name)
    scheduler = EulerDiscreteScheduler(
        **SCHEDULE, timestep_spacing="trailing", steps_offset=1, interpolation_type="linear"
    )
    scheduler.save_pretrained(folder / "scheduler")
    (folder / "tokenizer").mkdir(exist_ok=True)
    (folder / "tokenizer" / "merges.txt").write_bytes(merges)
    (folder / "model_index.json").write_text(json.dumps(MODEL_INDEX, indent=2) + "\n")


def expand(packed: Path, folder: Path) -> None:
    """Write package data as a whole diffusers folder, both tokenizers with all their files."""
    write_files(micro_base_files(packed), folder)


def _forget_origin(folder: Path) -> None:
    """Drop the path a part was loaded from, and let everyone read its weights."""
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config.pop("_name_or_path", None)
    path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    for weights in folder.glob("*.safetensors"):
        weights.chmod(0o644)
