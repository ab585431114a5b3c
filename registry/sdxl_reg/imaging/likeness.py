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
_NEAR = 3  # frequencies on each side of the median that rounding may carry across it
_FLAT = 1.0  # grey levels; below this spread the bits would be noise


def phash(image: Image.Image) -> int | None:
    """The perceptual hash of a picture.

    Args:
        image: Mode RGB or L, any size.

    Returns:
        64 bits as a signed integer, as databases keep them; None for a picture of one flat
        colour, because all such pictures would hash alike.
    """
    return next(iter(near_hashes(image)), None)


def near_hashes(image: Image.Image) -> tuple[int, ...]:
    """The perceptual hash of a picture, and those it would have had but for a hair's breadth.

    Half of the bits are set: those of the frequencies above the median. Where another decoder
    rounds otherwise, two frequencies next to the median change places, and two bits with them.

    Args:
        image: Mode RGB or L, any size.

    Returns:
        64 bits each as a signed integer, the hash itself first; nothing for a flat picture.
    """
    grey_image = image if image.mode == "L" else image.convert("L")
    small = grey_image.resize((_SIDE, _SIDE), Image.Resampling.BOX)
    grey = np.asarray(small, dtype=np.float64)
    if grey.std() < _FLAT:
        return ()
    matrix = _cosines()
    low = (matrix[:_LOW] @ grey @ matrix[:_LOW].T).ravel()
    order = np.argsort(low, kind="stable")
    middle = len(order) // 2
    bits = [1 << (_LOW * _LOW - 1 - int(frequency)) for frequency in order]  # the first is highest
    own = sum(bits[middle:])
    swapped = (
        own ^ below ^ above
        for below in bits[middle - _NEAR : middle]
        for above in bits[middle : middle + _NEAR]
    )
    return tuple(_signed(value) for value in (own, *swapped))


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def hamming(left: int, right: int) -> int:
    """How many of 64 bits differ: 0 the same, ≤ 4 nearly the same picture, about 32 unrelated."""
    return ((left ^ right) & 0xFFFF_FFFF_FFFF_FFFF).bit_count()


@functools.cache
def _cosines() -> NDArray[np.float64]:
    """The unnormalised DCT-II matrix: row = frequency, column = sample."""
    steps = np.arange(_SIDE)
    angles: NDArray[np.float64] = np.pi * np.outer(steps, 2 * steps + 1) / (2 * _SIDE)
    return np.cos(angles)
