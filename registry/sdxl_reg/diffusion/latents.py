"""Pictures to latents: decode, upright, resize to cover, cut, encode.

Source: Podell et al. 2023, arXiv:2307.01952 (factor 8, scaled by the VAE's scaling factor).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from sdxl_reg.diffusion.buckets import Fit, Size
from sdxl_reg.errors import Corrupt

FACTOR = 8
"""Pixels per latent, each way."""
CENTRE = (0.5, 0.5)
"""Where to cut: the share of what is cut off that goes on the left and at the top."""


@dataclass(frozen=True, kw_only=True)
class Pixels:
    """A picture, cut to the size of training.

    Attributes:
        values: Shape (3, height, width), in -1 … 1.
        mask: Shape (1, height / 8, width / 8), in 0 … 1: how opaque the picture is there.
        original_size: Height and width of the upright picture, in pixels.
        crops_coords_top_left: Where the cut begins in the resized picture, in pixels.
    """

    values: Tensor
    mask: Tensor
    original_size: tuple[int, int]
    crops_coords_top_left: tuple[int, int]


def read_pixels(
    path: Path,
    fit: Fit,
    *,
    background: str,
    place: tuple[float, float] = CENTRE,
    mirrored: bool = False,
) -> Pixels:
    """A picture file, upright, resized and cut.

    Args:
        path: Any format that Pillow reads.
        fit: From `diffusion.buckets`, for the size of the upright picture.
        background: Colour behind transparent parts, as Pillow names it.
        place: Where to cut, each in 0 … 1: from the left and from the top.
        mirrored: Left and right are exchanged, after the cut.

    Raises:
        Corrupt: It cannot be decoded.
    """
    try:
        with Image.open(path) as file:
            upright = ImageOps.exif_transpose(file)
            picture, alpha = _opaque(upright, background)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise Corrupt(path, f"cannot be decoded: {error}") from error
    width, height = fit.bucket
    left, top = (
        int((whole - side) * share)
        for whole, side, share in zip(fit.resized, fit.bucket, place, strict=True)
    )
    box = (left, top, left + width, top + height)
    cut = picture.resize(fit.resized, Image.Resampling.LANCZOS).crop(box)
    opaque = alpha.resize(fit.resized, Image.Resampling.BOX).crop(box)
    if mirrored:
        cut, opaque = ImageOps.mirror(cut), ImageOps.mirror(opaque)
        left = fit.resized[0] - width - left
    return Pixels(
        values=_tensor(cut) * 2 - 1,
        mask=_tensor(opaque.resize((width // FACTOR, height // FACTOR), Image.Resampling.BOX)),
        original_size=(picture.height, picture.width),
        crops_coords_top_left=(top, left),
    )


def upright_size(path: Path) -> Size:
    """Width and height of a picture as it is seen, from its header.

    Raises:
        Corrupt: It is no picture.
    """
    try:
        with Image.open(path) as file:
            turned = file.getexif().get(0x0112, 1) in (5, 6, 7, 8)  # orientations on their side
            return (file.height, file.width) if turned else file.size
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise Corrupt(path, f"cannot be decoded: {error}") from error


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


def _opaque(picture: Image.Image, background: str) -> tuple[Image.Image, Image.Image]:
    """A picture in front of a colour, and its alpha channel."""
    if not picture.has_transparency_data:
        return picture.convert("RGB"), Image.new("L", picture.size, 255)
    layer = picture.convert("RGBA")
    behind = Image.new("RGBA", layer.size, background)
    return Image.alpha_composite(behind, layer).convert("RGB"), layer.getchannel("A")


def _tensor(picture: Image.Image) -> Tensor:
    """Shape (channels, height, width), in 0 … 1."""
    values = np.asarray(picture, dtype=np.float32) / 255
    return torch.from_numpy(values.reshape(picture.height, picture.width, -1)).permute(2, 0, 1)
