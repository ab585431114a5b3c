"""Whether a picture is fit for training: brightness, contrast and sharpness, and what they say.

All three are measured on the grey preview, whose longer side has 256 pixels whatever the picture's
size. What is blurred there is blurred beyond repair; a finer lack of sharpness is not told.

Source: the variance of the Laplacian as a measure of focus is Pech-Pacheco et al. 2000, "Diatom
autofocusing in brightfield microscopy".
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from PIL import Image

BLURRED_BELOW = 12.0  # of sharpness: a picture blurred by a radius of 2 % of its side has less
DARK_BELOW = 24.0  # of brightness
BRIGHT_ABOVE = 235.0
FLAT_BELOW = 4.0  # of contrast
SMALL_BELOW = 512  # pixels of the shorter side: less than half of what SDXL is trained at
STRIP_ABOVE = 4.0  # longer side by shorter: no bucket of SDXL is as long


class Flag(StrEnum):
    """What makes a picture worth a look before training."""

    BLURRED = "blurred"
    DARK = "dark"
    BRIGHT = "bright"
    FLAT = "flat"
    SMALL = "small"
    STRIP = "strip"


@dataclass(frozen=True, kw_only=True)
class Measures:
    """What was measured of a picture.

    Attributes:
        brightness: Mean of the grey values, 0…255.
        contrast: Their standard deviation, 0…127.5.
        sharpness: Variance of their Laplacian, ≥ 0.
    """

    brightness: float
    contrast: float
    sharpness: float


def measure(grey: Image.Image) -> Measures:
    """The measures of a picture.

    Args:
        grey: Its preview in mode L.
    """
    counts = np.array(grey.histogram(), dtype=np.float64)
    share, levels = counts / counts.sum(), np.arange(256.0)
    mean = float(share @ levels)
    return Measures(
        brightness=round(mean, 3),
        contrast=round(float(np.sqrt(share @ (levels - mean) ** 2)), 3),
        sharpness=round(_laplacian_variance(np.asarray(grey).astype(np.int16)), 3),
    )


def flags(width: int, height: int, measures: Measures | None) -> tuple[Flag, ...]:
    """What a picture is flagged with.

    Args:
        width: Pixels, upright.
        height: Pixels.
        measures: What was measured; none where it was not looked at yet.
    """
    short, long = sorted((width, height))
    said = {Flag.SMALL: short < SMALL_BELOW, Flag.STRIP: long > STRIP_ABOVE * short}
    if measures is not None:
        said |= {
            Flag.FLAT: measures.contrast < FLAT_BELOW,
            Flag.DARK: measures.brightness < DARK_BELOW,
            Flag.BRIGHT: measures.brightness > BRIGHT_ABOVE,
            Flag.BLURRED: measures.sharpness < BLURRED_BELOW and measures.contrast >= FLAT_BELOW,
        }
    return tuple(flag for flag in Flag if said.get(flag))


def _laplacian_variance(values: NDArray[np.int16]) -> float:
    """Of the four-neighbour Laplacian inside the picture; 0 where there is no inside."""
    if min(values.shape) < 3:
        return 0.0
    around = values[:-2, 1:-1] + values[2:, 1:-1] + values[1:-1, :-2] + values[1:-1, 2:]
    laplacian = (around - 4 * values[1:-1, 1:-1]).astype(np.float64).ravel()
    return float(laplacian @ laplacian / laplacian.size - laplacian.mean() ** 2)
