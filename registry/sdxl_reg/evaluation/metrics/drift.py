"""Drift: what a version changes although nobody asked for it, against strength 0 of the same seed.

Both compare a picture with the one that the base alone draws from the same noise, prompt and
settings, in L*a*b* and at 32 × 32 fields, so that noise and fine surface do not count.
"""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sdxl_reg.evaluation.metrics.colour import delta_e, lab
from sdxl_reg.evaluation.metrics.interface import Measure, Rows, Scene, Score
from sdxl_reg.vocabulary import Better, Need

SIDE = 32
BORDER = SIDE // 8
"""Fields from each edge that count as background."""


class BackgroundDrift:
    """How far the colours of the border went, place by place.

    The background is the outer eighth of the picture on every side, always: it depends on neither
    picture, and products stand in the middle. Where the product reaches the border, it counts too.
    """

    name = "background-drift"
    summary = "Mean colour difference of the border to the strength-0 picture of the same seed."
    better = Better.LOWER
    needs = frozenset({Need.BASELINE})
    low, high = 0.0, None

    def scores(self, scene: Scene) -> Iterator[Score]:
        """Numbers for every picture that has a baseline; see `Metric.scores`."""
        return _against_baseline(scene, background_drift_of)


class ColourDrift:
    """How far the mean colour of the whole picture went: a cast, whatever moved in the picture."""

    name = "colour-drift"
    summary = "Difference of the mean colour to the strength-0 picture of the same seed."
    better = Better.LOWER
    needs = frozenset({Need.BASELINE})
    low, high = 0.0, None

    def scores(self, scene: Scene) -> Iterator[Score]:
        """Numbers for every picture that has a baseline; see `Metric.scores`."""
        return _against_baseline(scene, colour_drift_of)


def background_drift_of(picture: Rows, baseline: Rows) -> float:
    """Mean ΔE*ab of the fields of the border.

    Args:
        picture: Fields in L*a*b*; (32, 32, 3).
        baseline: Likewise.

    Returns:
        0 or more; up to 10 a shade, 100 black against white.
    """
    return float(delta_e(picture, baseline)[_border()].mean())


def colour_drift_of(picture: Rows, baseline: Rows) -> float:
    """ΔE*ab of the mean colours; arguments and range as for `background_drift_of`."""
    means = [fields.reshape(-1, 3).mean(axis=0, dtype=np.float64) for fields in (picture, baseline)]
    return float(delta_e(*means))


def fields_of(picture: Image.Image, side: int = SIDE) -> Rows:
    """A picture as fields in L*a*b*, each the mean of its pixels; (3 × side²,).

    Args:
        picture: In mode RGB.
        side: Fields in a row and in a column.
    """
    small = picture.resize((side, side), Image.Resampling.BOX)
    return lab(np.asarray(small)).astype(np.float32).ravel()


def _against_baseline(scene: Scene, number: Callable[[Rows, Rows], float]) -> Iterator[Score]:
    path_of = {picture.key: picture.path for picture in scene.pictures}
    pictures = [picture for picture in scene.pictures if picture.baseline in path_of]
    # The keys are those of `path_of`: None is none of them.
    baselines = [path_of[str(picture.baseline)] for picture in pictures]
    ours = scene.measured([picture.path for picture in pictures], FIELDS)
    theirs = scene.measured(baselines, FIELDS)
    scorer = f"{FIELDS.identity}:strength-0"
    for picture, one, other in zip(pictures, ours, theirs, strict=True):
        value = number(one.reshape(SIDE, SIDE, 3), other.reshape(SIDE, SIDE, 3))
        yield Score(key=picture.key, scorer=scorer, value=value)


def _border() -> NDArray[np.bool_]:
    border = np.ones((SIDE, SIDE), dtype=np.bool_)
    border[BORDER:-BORDER, BORDER:-BORDER] = False
    return border


FIELDS = Measure(identity="lab-32/1", of=fields_of)
background_drift, colour_drift = BackgroundDrift(), ColourDrift()
