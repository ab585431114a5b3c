"""Latents that grow before they are drawn again: the middle of A1111's "Hires. fix".

Source: A1111's `modules/shared_items.py` (`latent_upscale_modes`) and `modules/upscaler.py`.
"""

from collections.abc import Mapping
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from sdxl_reg.diffusion.latents import FACTOR
from sdxl_reg.diffusion.pictures import encode_pictures
from sdxl_reg.diffusion.sampling import decode, to_images
from sdxl_reg.errors import InvalidValue
from sdxl_reg.vocabulary import Upscaler

LATENT_MODES: Mapping[Upscaler, Mapping[str, Any]] = {
    Upscaler.LATENT: {"mode": "bilinear"},
    Upscaler.LATENT_ANTIALIASED: {"mode": "bilinear", "antialias": True},
    Upscaler.LATENT_BICUBIC: {"mode": "bicubic"},
    Upscaler.LATENT_BICUBIC_ANTIALIASED: {"mode": "bicubic", "antialias": True},
    Upscaler.LATENT_NEAREST: {"mode": "nearest"},
    Upscaler.LATENT_NEAREST_EXACT: {"mode": "nearest-exact"},
}
"""Upscaler → what torch's `interpolate` is told."""
PIXEL_MODES: Mapping[Upscaler, Image.Resampling] = {
    Upscaler.LANCZOS: Image.Resampling.LANCZOS,
    Upscaler.NEAREST: Image.Resampling.NEAREST,
}
"""Upscaler → Pillow's filter."""


@torch.no_grad()
def upscale(
    pipeline: Any, latents: Tensor, upscaler: Upscaler, *, width: int, height: int
) -> Tensor:
    """Latents of larger pictures, to start from once more.

    Args:
        pipeline: Decodes and encodes where pixels grow.
        latents: Shape (N, channels, h, w).
        upscaler: Of latents, or of pixels.
        width: Of the larger picture, in pixels, a multiple of 8.
        height: Of the larger picture, in pixels, a multiple of 8.

    Returns:
        Shape (N, channels, height / 8, width / 8), for `stages.Start`.

    Raises:
        InvalidValue: The size is no multiple of 8.
    """
    if width % FACTOR or height % FACTOR or min(width, height) < FACTOR:
        raise InvalidValue(
            "size of the larger picture", f"{width}x{height}", remedy=f"Give multiples of {FACTOR}"
        )
    if upscaler in LATENT_MODES:
        return upscale_latents(latents, upscaler, width=width, height=height)
    resampling = PIXEL_MODES[upscaler]
    pictures = to_images(decode(pipeline, latents))
    larger = [picture.resize((width, height), resampling) for picture in pictures]
    return encode_pictures(pipeline, larger)


def upscale_latents(latents: Tensor, upscaler: Upscaler, *, width: int, height: int) -> Tensor:
    """Latents interpolated to another size.

    Args:
        latents: Shape (N, channels, h, w).
        upscaler: One of those that work on latents.
        width: Of the larger picture, in pixels, a multiple of 8.
        height: Of the larger picture, in pixels, a multiple of 8.

    Returns:
        Shape (N, channels, height / 8, width / 8).
    """
    size = (height // FACTOR, width // FACTOR)
    return functional.interpolate(latents, size=size, **LATENT_MODES[upscaler])
