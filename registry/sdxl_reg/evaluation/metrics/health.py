"""Health: whether there is a picture at all. Three shares of its pixels, no network."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sdxl_reg.evaluation.metrics.interface import Measure, Rows, Scene, Score
from sdxl_reg.vocabulary import Better, Need

_WINDOW = 5  # levels that count as one: the most common one and two on either side
_BRIGHT, _DARK = 250, 5  # of 255: where a channel is cut off


class Flatness:
    """The share of pixels that have the picture's most common colour.

    A product on a plain background has half or more by right; near 1 there is nothing else.
    """

    name = "flatness"
    summary = "Share of pixels of the most common colour; near 1, nothing is drawn."
    better = Better.LOWER
    needs = frozenset[Need]()
    low, high = 0.0, 1.0

    def scores(self, scene: Scene) -> Iterator[Score]:
        """Numbers for every picture; see `Metric.scores`."""
        return _scores(scene, 0)


class Burnt:
    """The share of pixels whose colour is cut off at both ends: a full primary or mixed colour.

    What too much guidance or strength does to a picture. White and black are not counted, for
    backgrounds are; nor is a picture that burnt out to white and black alone.
    """

    name = "burnt"
    summary = "Share of pixels of colours that are cut off, as too much strength burns them."
    better = Better.LOWER
    needs = frozenset[Need]()
    low, high = 0.0, 1.0

    def scores(self, scene: Scene) -> Iterator[Score]:
        """Numbers for every picture; see `Metric.scores`."""
        return _scores(scene, 1)


class NotFinite:
    """1 where every pixel is black, which is what numbers that are not finite become in a file.

    That a black picture was asked for cannot be told from it.
    """

    name = "not-finite"
    summary = "1 for a picture that is black all over, as one that is not finite becomes."
    better = Better.LOWER
    needs = frozenset[Need]()
    low, high = 0.0, 1.0

    def scores(self, scene: Scene) -> Iterator[Score]:
        """Numbers for every picture; see `Metric.scores`."""
        return _scores(scene, 2)


def health_of(picture: Image.Image) -> Rows:
    """Flatness, burnt share and whether all is black, each in [0, 1]; (3,).

    Args:
        picture: In mode RGB.
    """
    pixels = np.asarray(picture).reshape(-1, 3)
    burnt = (pixels.max(axis=1) >= _BRIGHT) & (pixels.min(axis=1) <= _DARK)
    flatness = min(_commonest(pixels[:, channel]) for channel in range(3))
    return np.array([flatness, burnt.mean(), not pixels.any()], dtype=np.float32)


def _commonest(levels: NDArray[np.uint8]) -> float:
    counts = np.bincount(levels, minlength=256)
    return float(np.convolve(counts, np.ones(_WINDOW, dtype=np.int64)).max() / len(levels))


def _scores(scene: Scene, number: int) -> Iterator[Score]:
    rows = scene.measured([picture.path for picture in scene.pictures], HEALTH)
    for picture, row in zip(scene.pictures, rows, strict=True):
        yield Score(key=picture.key, scorer=HEALTH.identity, value=float(row[number]))


HEALTH = Measure(identity="health/1", of=health_of)
flatness, burnt, not_finite = Flatness(), Burnt(), NotFinite()
