from pathlib import Path

import pytest
import torch
from PIL import Image

from sdxl_reg.diffusion.buckets import Fit
from sdxl_reg.diffusion.latents import encode_pixels, read_pixels, upright_size
from sdxl_reg.diffusion.pipeline import load_pipeline
from sdxl_reg.errors import Corrupt


def _fit(side: int, resized: tuple[int, int]) -> Fit:
    return Fit(bucket=(side, side), resized=resized)


def test_a_picture_covers_the_square_and_is_cut_around_its_centre(tmp_path: Path) -> None:
    picture = Image.new("RGB", (120, 40), "white")
    picture.paste((255, 0, 0), (40, 0, 80, 40))
    picture.save(tmp_path / "x.png")
    pixels = read_pixels(tmp_path / "x.png", _fit(20, (60, 20)), background="white")
    assert pixels.values.shape == (3, 20, 20)
    assert pixels.original_size == (40, 120)
    assert pixels.crops_coords_top_left == (0, 20)
    assert torch.allclose(pixels.values[:, 10, 10], torch.tensor([1.0, -1.0, -1.0]))


def test_a_photograph_is_turned_upright(tmp_path: Path) -> None:
    picture = Image.new("RGB", (60, 40), "black")
    picture.paste((255, 255, 255), (0, 0, 30, 40))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned right by a quarter
    picture.save(tmp_path / "x.png", exif=exif)
    pixels = read_pixels(tmp_path / "x.png", _fit(40, (40, 60)), background="white")
    assert pixels.original_size == (60, 40)
    assert upright_size(tmp_path / "x.png") == (40, 60)
    assert pixels.values[0, 2, 20] == 1
    assert pixels.values[0, -3, 20] == -1


@pytest.mark.parametrize(("background", "value"), [("white", 1.0), ("black", -1.0)])
def test_transparent_parts_show_the_background(
    tmp_path: Path, background: str, value: float
) -> None:
    Image.new("RGBA", (8, 8), (9, 9, 9, 0)).save(tmp_path / "x.png")
    pixels = read_pixels(tmp_path / "x.png", _fit(8, (8, 8)), background=background)
    assert (pixels.values == value).all()
    assert (pixels.mask == 0).all()


def test_a_mirrored_picture_says_where_its_cut_would_begin_in_the_mirror(tmp_path: Path) -> None:
    Image.linear_gradient("L").rotate(90).resize((24, 8)).convert("RGB").save(tmp_path / "x.png")
    fit, place = _fit(8, (24, 8)), (0.25, 0.0)
    plain = read_pixels(tmp_path / "x.png", fit, background="white", place=place)
    mirrored = read_pixels(tmp_path / "x.png", fit, background="white", place=place, mirrored=True)
    assert torch.equal(mirrored.values, plain.values.flip(2))
    assert plain.crops_coords_top_left == (0, 4)
    assert mirrored.crops_coords_top_left == (0, 12)


def test_the_mask_is_how_opaque_each_part_is(tmp_path: Path) -> None:
    picture = Image.new("RGBA", (16, 8), (9, 9, 9, 255))
    picture.paste((9, 9, 9, 0), (0, 0, 8, 8))
    picture.save(tmp_path / "x.png")
    pixels = read_pixels(
        tmp_path / "x.png", Fit(bucket=(16, 8), resized=(16, 8)), background="white"
    )
    assert pixels.mask.tolist() == [[[0.0, 1.0]]]


def test_bytes_that_are_no_picture_are_corrupt(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"no picture")
    with pytest.raises(Corrupt, match=r"x\.png"):
        read_pixels(tmp_path / "x.png", _fit(8, (8, 8)), background="white")


def test_latents_are_an_eighth_of_the_picture_and_scaled(tiny_base: Path) -> None:
    vae = load_pipeline(tiny_base).vae
    pixels = torch.rand(2, 3, 64, 32) * 2 - 1
    latents = encode_pixels(vae, pixels)
    assert latents.shape == (2, 4, 8, 4)
    assert torch.equal(latents, vae.encode(pixels).latent_dist.mean * 0.13025)
