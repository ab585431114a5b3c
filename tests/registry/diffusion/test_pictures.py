"""Pictures and masks to start from, and pixels that stay as they were."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from sdxl_reg.diffusion.pictures import (
    encode_pictures,
    feathered,
    fitted,
    kept_pixels,
    latent_mask,
)
from sdxl_reg.diffusion.pipeline import load_pipeline
from sdxl_reg.diffusion.sampling import decode, to_images
from sdxl_reg.diffusion.stages import Start
from sdxl_reg.errors import InvalidValue
from tests.registry.diffusion.drawing import SIDE, ours


@pytest.fixture(scope="module")
def pipeline(tiny_base: Path) -> Any:
    return load_pipeline(tiny_base)


def noisy(width: int = SIDE, height: int = SIDE) -> Image.Image:
    values = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(values)


def half(width: int = SIDE, height: int = SIDE) -> Image.Image:
    """A mask that is white on the right."""
    mask = Image.new("L", (width, height), 0)
    mask.paste(255, (width // 2, 0, width, height))
    return mask


def test_latents_are_the_mean_of_the_vaes_distribution(pipeline: Any) -> None:
    picture = noisy()
    found = encode_pictures(pipeline, [picture, picture])
    processed = pipeline.image_processor.preprocess(picture)
    with torch.no_grad():
        mean = pipeline.vae.encode(processed).latent_dist.mean * pipeline.vae.config.scaling_factor
    # 1e-5: a batch of two against one
    torch.testing.assert_close(found, mean.repeat(2, 1, 1, 1), atol=1e-5, rtol=1e-5)


def test_a_picture_is_cut_around_its_middle() -> None:
    wide = Image.new("RGB", (200, 64), "red")
    wide.paste("blue", (68, 0, 132, 64))
    cut = fitted(wide, width=64, height=64)
    assert cut.size == (64, 64)
    assert cut.getpixel((32, 32)) == (0, 0, 255)
    assert cut.getcolors() == [(64 * 64, (0, 0, 255))]


def test_a_mask_of_latents_is_one_where_most_of_it_is_white() -> None:
    mask = Image.new("L", (32, 16), 0)
    mask.paste(255, (11, 0, 32, 16))
    assert latent_mask(mask).tolist() == [[[[0, 1, 1, 1], [0, 1, 1, 1]]]]
    mask.paste(0, (13, 0, 16, 16))  # 2 of 8 columns are left white
    assert latent_mask(mask)[0, 0, 0].tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("radius", [0, 2])
def test_pixels_outside_of_the_mask_come_back(pipeline: Any, radius: float) -> None:
    original, mask = noisy(), feathered(half(), radius)
    start = Start(
        latents=encode_pictures(pipeline, [original]),
        denoising_strength=0.75,
        mask=latent_mask(mask),
    )
    pictures = to_images(kept_pixels(decode(pipeline, ours(pipeline, start=start)), original, mask))
    outside = np.asarray(mask) == 0
    assert outside.sum() > SIDE * SIDE / 4
    for picture in pictures:
        assert np.array_equal(np.asarray(picture)[outside], np.asarray(original)[outside])
        assert (np.asarray(picture) != np.asarray(original)).any()


def test_a_feathered_mask_passes_gradually_from_one_to_the_other() -> None:
    soft = np.asarray(feathered(half(), 3))[0].astype(int)
    assert (np.diff(soft) >= 0).all()
    assert len(set(soft)) > 8
    assert np.array_equal(np.asarray(feathered(half(), 0)), np.asarray(half()))
    with pytest.raises(InvalidValue, match="mask blur"):
        feathered(half(), -1)


def test_pictures_of_another_size_or_mode_are_refused(pipeline: Any) -> None:
    with pytest.raises(InvalidValue, match="60x64"):
        encode_pictures(pipeline, [noisy(60, 64)])
    with pytest.raises(InvalidValue, match="64x72"):
        encode_pictures(pipeline, [noisy(), noisy(64, 72)])
    with pytest.raises(InvalidValue, match="RGB"):
        latent_mask(noisy())
    with pytest.raises(InvalidValue, match="72x72"):
        kept_pixels(torch.zeros(1, 3, 64, 64), noisy(), half(72, 72))
