"""Health of pictures that are flat, burnt, black and good."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance

from examples.render_products import product_shot
from sdxl_reg.diffusion.sampling import to_images
from sdxl_reg.evaluation.metrics.health import burnt, flatness, health_of, not_finite
from tests.registry.evaluation.metrics.scenes import GivenScene, picture


def good() -> Image.Image:
    return Image.fromarray(product_shot("lsbr", "flawless", 1, rng=np.random.default_rng(1)))


def noise() -> Image.Image:
    pixels = np.random.default_rng(1).integers(40, 216, (64, 64, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def test_one_colour_is_flat_and_noise_is_not() -> None:
    assert health_of(Image.new("RGB", (32, 32), (90, 100, 110)))[0] == 1
    assert health_of(noise())[0] < 0.1


def test_levels_that_differ_by_two_are_one_colour() -> None:
    near = np.random.default_rng(1).integers(98, 103, (32, 32, 3), dtype=np.uint8)
    assert health_of(Image.fromarray(near))[0] == 1


def test_a_product_on_black_is_neither_flat_nor_burnt_nor_lost() -> None:
    flat, cut_off, lost = health_of(good())
    assert 0.3 < flat < 0.85
    assert cut_off < 0.01
    assert lost == 0


def test_colours_driven_to_their_ends_are_burnt() -> None:
    driven = ImageEnhance.Color(ImageEnhance.Contrast(good()).enhance(4)).enhance(6)
    assert health_of(driven)[1] > 0.1


def test_white_and_black_are_not_burnt() -> None:
    halves = np.zeros((8, 8, 3), dtype=np.uint8)
    halves[:4] = 255
    assert health_of(Image.fromarray(halves))[1] == 0


@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
def test_what_is_not_finite_becomes_black_and_is_told() -> None:
    (lost,) = to_images(torch.full((1, 3, 16, 16), float("nan")))
    assert health_of(lost).tolist() == [1, 0, 1]
    almost = Image.new("RGB", (16, 16), "black")
    almost.putpixel((3, 3), (1, 0, 0))
    assert health_of(almost)[2] == 0


def test_each_metric_gives_its_own_share(tmp_path: Path) -> None:
    path = tmp_path / "half.png"
    halves = np.zeros((8, 8, 3), dtype=np.uint8)
    halves[:2] = (255, 0, 0)
    Image.fromarray(halves).save(path)
    given = GivenScene(pictures=[picture("p", path=path)])
    found = [
        score.value for metric in (flatness, burnt, not_finite) for score in metric.scores(given)
    ]
    assert found == [0.75, 0.25, 0]
