"""Pictures to latents: decode, upright, resize to cover, centre crop, encode.

Source: Podell et al. 2023, arXiv:2307.01952 (factor 8, scaled by the VAE's scaling factor).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from sdxl_reg.errors import Corrupt

FACTOR = 8
"""Pixels per latent, each way."""


@dataclass(frozen=True, kw_only=True)
class Pixels:
    """A picture, cut to the size of training.

    Attributes:
        values: Shape (3, height, width), in -1 … 1.
        original_size: Height and width of the upright picture, in pixels.
        crops_coords_top_left: Where the cut begins in the resized picture, in pixels.
    """

    values: Tensor
    original_size: tuple[int, int]
    crops_coords_top_left: tuple[int, int]


def read_pixels(path: Path, side: int, *, background: str) -> Pixels:
    """A picture file, upright, resized so that it covers a square and cut around its centre.

    Args:
        path: Any format that Pillow reads.
        side: Of the square, in pixels.
        background: Colour behind transparent parts, as Pillow names it.

    Raises:
        Corrupt: It cannot be decoded.
    """
    try:
        with Image.open(path) as file:
            picture = _opaque(ImageOps.exif_transpose(file), background)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise Corrupt(path, f"cannot be decoded: {error}") from error
    scale = side / min(picture.size)
    width, height = (max(side, round(length * scale)) for length in picture.size)
    resized = picture.resize((width, height), Image.Resampling.LANCZOS)
    left, top = (width - side) // 2, (height - side) // 2
    cut = np.asarray(resized.crop((left, top, left + side, top + side)), dtype=np.float32)
    return Pixels(
        values=torch.from_numpy(cut / 127.5 - 1).permute(2, 0, 1).contiguous(),
        original_size=(picture.height, picture.width),
        crops_coords_top_left=(top, left),
    )


@torch.no_grad()
def encode_pixels(vae: Any, pixels: Tensor) -> Tensor:
    """Scaled latents of pictures: the mean of the VAE's distribution, so nothing is random.

    Args:
        vae: An `AutoencoderKL` in float32.
        pixels: Shape (batch, 3, height, width), in -1 … 1.

    Returns:
        Shape (batch, 4, height / 8, width / 8).
    """
    mean: Tensor = vae.encode(pixels.to(vae.device, vae.dtype)).latent_dist.mean
    return mean * float(vae.config.scaling_factor)


def _opaque(picture: Image.Image, background: str) -> Image.Image:
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    layer = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, background), layer).convert("RGB")
