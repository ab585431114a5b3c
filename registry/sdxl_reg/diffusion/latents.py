"""Pictures to latents: resize to cover, cut, encode.

Source: Podell et al. 2023, arXiv:2307.01952 (factor 8, scaled by the VAE's scaling factor).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from sdxl_reg.formats.kohya.buckets import Fit

FACTOR = 8
"""Pixels per latent, each way."""
CENTRE = (0.5, 0.5)
"""Where to cut: the share of what is cut off that goes on the left and at the top."""


@dataclass(frozen=True, kw_only=True)
class Pixels:
    """A picture, cut to the size of training.

    Attributes:
        values: Shape (3, height, width), in -1 … 1.
        mask: Shape (1, height / 8, width / 8), in 0 … 1: how much of the picture counts there.
        original_size: Height and width of the upright picture, in pixels.
        crops_coords_top_left: Where the cut begins in the resized picture, in pixels.
    """

    values: Tensor
    mask: Tensor
    original_size: tuple[int, int]
    crops_coords_top_left: tuple[int, int]


def cut_pixels(
    picture: Image.Image,
    counts: Image.Image | None,
    fit: Fit,
    *,
    place: tuple[float, float] = CENTRE,
    mirrored: bool = False,
) -> Pixels:
    """A picture resized and cut.

    Args:
        picture: Upright, in mode RGB.
        counts: How much of it counts in the loss, in mode L and of the same size; None: all.
        fit: From `formats.kohya.buckets`, for the size of the picture.
        place: Where to cut, each in 0 … 1: from the left and from the top.
        mirrored: Left and right are exchanged, after the cut.
    """
    width, height = fit.bucket
    left, top = (
        int((whole - side) * share)
        for whole, side, share in zip(fit.resized, fit.bucket, place, strict=True)
    )
    box = (left, top, left + width, top + height)
    cut = picture.resize(fit.resized, Image.Resampling.LANCZOS).crop(box)
    mask = Image.new("L", fit.bucket, 255)
    if counts is not None:
        mask = counts.resize(fit.resized, Image.Resampling.BOX).crop(box)
    if mirrored:
        cut, mask = ImageOps.mirror(cut), ImageOps.mirror(mask)
        left = fit.resized[0] - width - left
    return Pixels(
        values=_tensor(cut) * 2 - 1,
        mask=_tensor(mask.resize((width // FACTOR, height // FACTOR), Image.Resampling.BOX)),
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


def _tensor(picture: Image.Image) -> Tensor:
    """Shape (channels, height, width), in 0 … 1."""
    values = np.asarray(picture, dtype=np.float32) / 255
    return torch.from_numpy(values.reshape(picture.height, picture.width, -1)).permute(2, 0, 1)
