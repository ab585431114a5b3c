"""Perceptual hashes: 64 bits that stay nearly the same when a picture is scaled or recompressed.

Source: the DCT hash of phash.org as imagehash computes it: the picture in grey at 32×32, its
two-dimensional cosine transform, whether each of the 8×8 lowest frequencies is above their median.
"""

import functools

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_SIDE = 32
_LOW = 8
_FLAT = 1.0  # grey levels; below this spread the bits would be noise


def phash(image: Image.Image) -> int | None:
    """The perceptual hash of a picture.

    Args:
        image: Mode RGB or L, any size.

    Returns:
        64 bits as a signed integer, as databases keep them; None for a picture of one flat
        colour, because all such pictures would hash alike.
    """
    small = image.convert("L").resize((_SIDE, _SIDE), Image.Resampling.BOX)
    grey = np.asarray(small, dtype=np.float64)
    if grey.std() < _FLAT:
        return None
    matrix = _cosines()
    low = matrix[:_LOW] @ grey @ matrix[:_LOW].T
    bits = np.packbits(low > np.median(low)).tobytes()
    return int.from_bytes(bits, "big", signed=True)


def hamming(left: int, right: int) -> int:
    """How many of 64 bits differ: 0 the same, ≤ 4 nearly the same picture, about 32 unrelated."""
    return ((left ^ right) & 0xFFFF_FFFF_FFFF_FFFF).bit_count()


@functools.cache
def _cosines() -> NDArray[np.float64]:
    """The unnormalised DCT-II matrix: row = frequency, column = sample."""
    steps = np.arange(_SIDE)
    angles: NDArray[np.float64] = np.pi * np.outer(steps, 2 * steps + 1) / (2 * _SIDE)
    return np.cos(angles)
