"""Writes a single-file Stable Diffusion XL of full size with random weights, for measuring.

    python bench/random_sdxl.py sdxl.safetensors        # 6.9 GB in bfloat16

Every name and shape is that of `sd_xl_base_1.0.safetensors`; it draws noise.
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sdxl_reg.diffusion.full_size import full_size_config_files
from sdxl_reg.diffusion.single_file import save_single_file
from sdxl_reg.formats.single_file import spelled


def main() -> None:
    """Write the file that the command line names."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("path", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    parts = {
        part: {spelled(part, name): _random(name, shape) for name, shape in shapes.items()}
        for part, shapes in _shapes().items()
    }
    save_single_file(options.path, parts, metadata={})


def _shapes() -> dict[str, dict[str, torch.Size]]:
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    files = full_size_config_files()

    def config(part: str) -> Any:
        return json.loads(files[f"{part}/config.json"])

    with torch.device("meta"):
        modules: Mapping[str, Any] = {
            "unet": UNet2DConditionModel.from_config(config("unet")),
            "vae": AutoencoderKL.from_config(config("vae")),
            "text_encoder": CLIPTextModel(CLIPTextConfig(**config("text_encoder"))),
            "text_encoder_2": CLIPTextModelWithProjection(
                CLIPTextConfig(**config("text_encoder_2"))
            ),
        }
    return {
        part: {
            name: tensor.shape
            for name, tensor in module.state_dict().items()
            if tensor.is_floating_point()
        }
        for part, module in modules.items()
    }


def _random(name: str, shape: torch.Size) -> Tensor:
    """Values that keep activations finite: unit norms, no biases, the rest by their fan-in."""
    if name.endswith("bias"):
        return torch.zeros(shape, dtype=torch.bfloat16)
    if "norm" in name:
        return torch.ones(shape, dtype=torch.bfloat16)
    fan_in = shape[1:].numel() if len(shape) > 1 else shape[0]
    return torch.empty(shape, dtype=torch.bfloat16).normal_(0, 0.7 * fan_in**-0.5)


if __name__ == "__main__":
    main()
