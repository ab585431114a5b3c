"""Pictures and masks to start from, and what is kept of them in the end.

Source: A1111's `modules/processing.py` (`StableDiffusionProcessingImg2Img.init`: the blurred mask
decides over pixels, its rounded small copy over latents).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageFilter, ImageOps
from torch import Tensor

from sdxl_reg.diffusion.latents import FACTOR, encode_pixels
from sdxl_reg.errors import InvalidValue


def fitted(picture: Image.Image, *, width: int, height: int) -> Image.Image:
    """A picture resized to cover a size, and cut to it around the middle.

    Args:
        picture: Of any size and mode.
        width: In pixels.
        height: In pixels.

    Returns:
        In mode RGB.
    """
    resampling = Image.Resampling.LANCZOS
    return ImageOps.fit(picture.convert("RGB"), (width, height), resampling)


def encode_pictures(pipeline: Any, pictures: Sequence[Image.Image]) -> Tensor:
    """Scaled latents of pictures: the mean of the VAE's distribution, so nothing is random.

    Args:
        pipeline: Its VAE encodes, in its own precision.
        pictures: Of one size, a multiple of 8 pixels each way; in mode RGB.

    Returns:
        Shape (pictures, channels, height / 8, width / 8), in the U-Net's precision.

    Raises:
        InvalidValue: A picture has another size or mode.
    """
    for picture in pictures:
        _require_size(picture, pictures[0].size, mode="RGB")
    pixels = torch.stack([_tensor(picture) for picture in pictures]) * 2 - 1
    return encode_pixels(pipeline.vae, pixels).to(pipeline.unet.device, pipeline.unet.dtype)


def feathered(mask: Image.Image, radius: float) -> Image.Image:
    """A mask with a soft border.

    Args:
        mask: In mode L; white is drawn anew.
        radius: Deviation of the blur in pixels; 0: the mask as it is. A1111's usual one is 4.

    Raises:
        InvalidValue: The radius is negative.
    """
    if radius < 0:
        raise InvalidValue("mask blur", radius, remedy="Give 0 or more pixels")
    return mask.filter(ImageFilter.GaussianBlur(radius)) if radius else mask


def latent_mask(mask: Image.Image) -> Tensor:
    """A mask for `stages.Start`.

    Args:
        mask: In mode L, a multiple of 8 pixels each way; white is drawn anew.

    Returns:
        Zeros and ones, shape (1, 1, height / 8, width / 8): one where most of it is white.

    Raises:
        InvalidValue: The mask has another size or mode.
    """
    _require_size(mask, mask.size, mode="L")
    size = (mask.width // FACTOR, mask.height // FACTOR)
    shares = _tensor(mask.resize(size, Image.Resampling.BOX))
    return (shares >= 0.5).float()[None]


def kept_pixels(pictures: Tensor, original: Image.Image, mask: Image.Image) -> Tensor:
    """Drawn pictures with the original outside of the mask.

    Args:
        pictures: From `sampling.decode`, shape (N, 3, height, width), in 0 … 1.
        original: In mode RGB, of the same size.
        mask: In mode L, of the same size; feathered or not. Where it is black, the eight-bit
            pixels of the result are the original's.

    Returns:
        Of the shape of `pictures`.

    Raises:
        InvalidValue: The original or the mask has another size or mode.
    """
    size = (pictures.shape[-1], pictures.shape[-2])
    _require_size(original, size, mode="RGB")
    _require_size(mask, size, mode="L")
    return torch.lerp(_tensor(original).expand_as(pictures), pictures, _tensor(mask))


def _tensor(picture: Image.Image) -> Tensor:
    """Shape (channels, height, width), in 0 … 1."""
    values = np.asarray(picture, dtype=np.float32) / 255
    return torch.from_numpy(values.reshape(picture.height, picture.width, -1)).permute(2, 0, 1)


def _require_size(picture: Image.Image, size: tuple[int, int], *, mode: str) -> None:
    if picture.size != size or any(side % FACTOR for side in size) or picture.mode != mode:
        width, height = size
        raise InvalidValue(
            "size and mode of a picture",
            f"{picture.width}x{picture.height} {picture.mode}",
            remedy=f"Give {mode}, all of one size ({width}x{height}), a multiple of {FACTOR}",
        )
