from pathlib import Path

import pytest
import torch
from PIL import Image

from sdxl_reg.diffusion.latents import encode_pixels, read_pixels
from sdxl_reg.diffusion.pipeline import load_pipeline
from sdxl_reg.errors import Corrupt


def test_a_picture_covers_the_square_and_is_cut_around_its_centre(tmp_path: Path) -> None:
    picture = Image.new("RGB", (120, 40), "white")
    picture.paste((255, 0, 0), (40, 0, 80, 40))
    picture.save(tmp_path / "x.png")
    pixels = read_pixels(tmp_path / "x.png", 20, background="white")
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
    pixels = read_pixels(tmp_path / "x.png", 40, background="white")
    assert pixels.original_size == (60, 40)
    assert pixels.values[0, 2, 20] == 1
    assert pixels.values[0, -3, 20] == -1


@pytest.mark.parametrize(("background", "value"), [("white", 1.0), ("black", -1.0)])
def test_transparent_parts_show_the_background(
    tmp_path: Path, background: str, value: float
) -> None:
    Image.new("RGBA", (8, 8), (9, 9, 9, 0)).save(tmp_path / "x.png")
    assert (read_pixels(tmp_path / "x.png", 8, background=background).values == value).all()


def test_bytes_that_are_no_picture_are_corrupt(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"no picture")
    with pytest.raises(Corrupt, match=r"x\.png"):
        read_pixels(tmp_path / "x.png", 8, background="white")


def test_latents_are_an_eighth_of_the_picture_and_scaled(tiny_base: Path) -> None:
    vae = load_pipeline(tiny_base).vae
    pixels = torch.rand(2, 3, 64, 32) * 2 - 1
    latents = encode_pixels(vae, pixels)
    assert latents.shape == (2, 4, 8, 4)
    assert torch.equal(latents, vae.encode(pixels).latent_dist.mean * 0.13025)
