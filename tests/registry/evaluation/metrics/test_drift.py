"""Drift against the base, on changes that are made by hand."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from sdxl_reg.evaluation.metrics.colour import delta_e, lab
from sdxl_reg.evaluation.metrics.drift import background_drift, colour_drift
from tests.registry.evaluation.metrics.scenes import GivenScene, picture, saved


@pytest.mark.parametrize(
    ("srgb", "expected"),
    [  # Bruce Lindbloom's calculator, sRGB with white D65
        ((255, 255, 255), (100, 0, 0)),
        ((0, 0, 0), (0, 0, 0)),
        ((255, 0, 0), (53.24, 80.09, 67.20)),
        ((0, 255, 0), (87.73, -86.18, 83.18)),
        ((0, 0, 255), (32.30, 79.19, -107.86)),
        ((119, 119, 119), (50.03, 0, 0)),
    ],
)
def test_colours_have_their_published_places(
    srgb: tuple[int, int, int], expected: tuple[float, float, float]
) -> None:
    np.testing.assert_allclose(lab(srgb), expected, atol=0.01)


def test_white_is_100_from_black() -> None:
    assert delta_e(lab((255, 255, 255)), lab((0, 0, 0))) == pytest.approx(100, abs=0.01)


def base() -> Image.Image:
    """A grey square in the middle of black."""
    drawn = Image.new("RGB", (96, 96), "black")
    ImageDraw.Draw(drawn).rectangle((32, 32, 63, 63), fill=(119, 119, 119))
    return drawn


def with_background() -> Image.Image:
    drawn = Image.new("RGB", (96, 96), (119, 119, 119))
    drawn.paste(base().crop((24, 24, 72, 72)), (24, 24))
    return drawn


def with_red_product() -> Image.Image:
    drawn = base()
    ImageDraw.Draw(drawn).rectangle((32, 32, 63, 63), fill="red")
    return drawn


def moved() -> Image.Image:
    drawn = Image.new("RGB", (96, 96), "black")
    ImageDraw.Draw(drawn).rectangle((44, 32, 75, 63), fill=(119, 119, 119))
    return drawn


def drifts(folder: Path, change: Callable[[], Image.Image]) -> tuple[float, float]:
    paths = saved(folder, {"base": base, "changed": change})
    given = GivenScene(
        pictures=[
            picture("base", path=paths["base"], place=(0, 0.0), baseline="base"),
            picture("changed", path=paths["changed"], baseline="base"),
        ]
    )
    background = {score.key: score.value for score in background_drift.scores(given)}
    colour = {score.key: score.value for score in colour_drift.scores(given)}
    assert background["base"] == colour["base"] == 0
    return background["changed"], colour["changed"]


def test_a_picture_equal_to_the_base_has_drifted_nowhere(tmp_path: Path) -> None:
    assert drifts(tmp_path, base) == (0, 0)


def test_a_grey_background_is_50_from_black_all_around(tmp_path: Path) -> None:
    background, colour = drifts(tmp_path, with_background)
    assert background == pytest.approx(50.03, abs=0.05)
    assert 30 < colour < 50  # the middle has stayed


def test_a_product_of_another_colour_is_no_drift_of_the_background(tmp_path: Path) -> None:
    background, colour = drifts(tmp_path, with_red_product)
    assert background == 0
    # A ninth of the picture went from L 50 to (53, 80, 67), its anti-aliased border aside.
    assert colour == pytest.approx(np.hypot(80.09, 67.20) / 9, rel=0.05)


def test_a_product_that_moved_is_no_drift_of_the_colour(tmp_path: Path) -> None:
    background, colour = drifts(tmp_path, moved)
    assert background == 0
    assert colour == pytest.approx(0, abs=0.01)


def test_a_cast_counts_in_both(tmp_path: Path) -> None:
    def lighter() -> Image.Image:
        return base().point(lambda level: min(255, level + 60))

    background, colour = drifts(tmp_path, lighter)
    expected = float(delta_e(lab((60, 60, 60)), lab((0, 0, 0))))
    assert background == pytest.approx(expected, abs=0.01)
    assert colour == pytest.approx(expected, abs=1.0)


def test_a_picture_whose_baseline_was_not_drawn_has_no_drift(tmp_path: Path) -> None:
    paths = saved(tmp_path, {"base": base})
    given = GivenScene(
        pictures=[
            picture("a", path=paths["base"], baseline="missing"),
            picture("b", path=paths["base"]),
            picture("c", path=paths["base"], baseline="a"),
        ]
    )
    assert [score.key for score in background_drift.scores(given)] == ["c"]
