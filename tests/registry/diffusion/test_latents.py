from pathlib import Path

import pytest
import torch
from PIL import Image

from sdxl_reg.diffusion.latents import cut_pixels, encode_pixels
from sdxl_reg.diffusion.pipeline import load_pipeline
from sdxl_reg.formats.kohya.buckets import Fit


def _fit(side: int, resized: tuple[int, int]) -> Fit:
    return Fit(bucket=(side, side), resized=resized)


def test_a_picture_covers_the_square_and_is_cut_around_its_centre() -> None:
    picture = Image.new("RGB", (120, 40), "white")
    picture.paste((255, 0, 0), (40, 0, 80, 40))
    pixels = cut_pixels(picture, None, _fit(20, (60, 20)))
    assert pixels.values.shape == (3, 20, 20)
    assert pixels.original_size == (40, 120)
    assert pixels.crops_coords_top_left == (0, 20)
    assert torch.allclose(pixels.values[:, 10, 10], torch.tensor([1.0, -1.0, -1.0]))


def test_a_mirrored_picture_says_where_its_cut_would_begin_in_the_mirror() -> None:
    picture = Image.linear_gradient("L").rotate(90).resize((24, 8)).convert("RGB")
    fit, place = _fit(8, (24, 8)), (0.25, 0.0)
    plain = cut_pixels(picture, None, fit, place=place)
    mirrored = cut_pixels(picture, None, fit, place=place, mirrored=True)
    assert torch.equal(mirrored.values, plain.values.flip(2))
    assert plain.crops_coords_top_left == (0, 4)
    assert mirrored.crops_coords_top_left == (0, 12)


def test_all_of_a_picture_counts_unless_something_else_is_said() -> None:
    pixels = cut_pixels(Image.new("RGB", (16, 8)), None, Fit(bucket=(16, 8), resized=(16, 8)))
    assert pixels.mask.tolist() == [[[1.0, 1.0]]]


@pytest.mark.parametrize(("mirrored", "mask"), [(False, [0.0, 0.5]), (True, [0.5, 0.0])])
def test_the_mask_is_cut_and_mirrored_with_its_picture(mirrored: bool, mask: list[float]) -> None:
    counts = Image.new("L", (32, 8), 0)
    counts.paste(255, (20, 0, 24, 8))
    counts.paste(255, (24, 0, 32, 8))  # cut off
    pixels = cut_pixels(
        Image.new("RGB", (32, 8)),
        counts,
        Fit(bucket=(16, 8), resized=(32, 8)),
        mirrored=mirrored,
    )
    assert pixels.mask.tolist() == [[pytest.approx(mask, abs=1 / 255)]]


def test_latents_are_an_eighth_of_the_picture_and_scaled(tiny_base: Path) -> None:
    vae = load_pipeline(tiny_base).vae
    pixels = torch.rand(2, 3, 64, 32) * 2 - 1
    latents = encode_pixels(vae, pixels)
    assert latents.shape == (2, 4, 8, 4)
    assert torch.equal(latents, vae.encode(pixels).latent_dist.mean * 0.13025)
