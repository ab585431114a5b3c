"""Where each method looks."""

import math

import numpy as np
import pytest
from PIL import Image

from sdxl_reg.errors import UnknownName
from sdxl_reg.imaging.focus import METHODS, focal_point
from tests.registry.imaging.faces import drawn_face

LOOKING = sorted(set(METHODS) - {"centre"})


def _with_a_thing(
    size: tuple[int, int], at: tuple[int, int], side: int = 100, *, ground: str = "black"
) -> Image.Image:
    """A plain ground with a square of noise whose middle is at a place."""
    noise = np.random.default_rng(3).integers(0, 256, (side, side, 3), dtype=np.uint8)
    picture = Image.new("RGB", size, ground)
    picture.paste(Image.fromarray(noise), (at[0] - side // 2, at[1] - side // 2))
    return picture


@pytest.mark.parametrize("method", LOOKING)
@pytest.mark.parametrize("at", [(150, 120), (640, 480), (640, 120)])
@pytest.mark.parametrize("ground", ["black", "white"])
def test_every_method_looks_at_the_one_thing_there_is(
    method: str, at: tuple[int, int], ground: str
) -> None:
    x, y = focal_point(_with_a_thing((800, 600), at, ground=ground), method)
    assert math.dist((x, y), (at[0] / 800, at[1] / 600)) < 0.02


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", [(64, 64), (1, 1), (1, 900), (2000, 3)])
def test_a_plain_picture_is_looked_at_in_its_middle(method: str, size: tuple[int, int]) -> None:
    assert focal_point(Image.new("RGB", size, "teal"), method) == (0.5, 0.5)


@pytest.mark.parametrize("method", METHODS)
def test_the_same_picture_gives_the_same_point_at_any_size(method: str) -> None:
    picture = _with_a_thing((1600, 1200), (1200, 300), 300)
    point = focal_point(picture, method)
    assert point == focal_point(picture.copy(), method)
    smaller = focal_point(picture.resize((800, 600), Image.Resampling.BOX), method)
    assert math.dist(point, smaller) < 0.01


@pytest.mark.parametrize("method", METHODS)
def test_points_are_in_the_picture_whatever_it_shows(method: str) -> None:
    for seed, size in enumerate([(3, 700), (40, 40), (513, 17), (90, 300)]):
        noise = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
        x, y = focal_point(Image.fromarray(noise), method)
        assert 0 <= x <= 1
        assert 0 <= y <= 1


def test_colours_under_full_transparency_are_not_looked_at() -> None:
    picture = Image.new("RGBA", (200, 100))
    noise = np.random.default_rng(0).integers(0, 256, (100, 60, 4), dtype=np.uint8)
    noise[..., 3] = 0
    picture.paste(Image.fromarray(noise), (140, 0))
    picture.paste((10, 10, 10, 255), (20, 40, 40, 60))
    x, y = focal_point(picture, "edges")
    assert math.dist((x, y), (0.15, 0.5)) < 0.02


def test_a_face_counts_more_than_edges() -> None:
    picture = drawn_face((800, 400), at=(600, 180), radius=80)
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8)
    picture.paste(Image.fromarray(noise), (20, 50))
    assert focal_point(picture, "edges")[0] < 0.3
    x, y = focal_point(picture, "faces")
    assert math.dist((x, y), (0.75, 0.45)) < 0.08


def test_an_unknown_method_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownName, match="edges"):
        focal_point(Image.new("RGB", (9, 9)), "edge")
