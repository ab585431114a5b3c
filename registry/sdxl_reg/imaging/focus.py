"""Where to look in a picture: the point that a cut should keep in its middle.

Every method makes a map of how much there is to see at each place, leaves out what is hardly more
than the mean (the background), and takes the centre of mass of the rest. All are computed on a
small copy of the upright picture with numpy, and give the same point every time.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sdxl_reg.errors import UnknownName
from sdxl_reg.imaging.crops import CENTRE, Point
from sdxl_reg.imaging.decode import flattened
from sdxl_reg.imaging.faces import faces_in

SIDE = 512
"""Longest side of the copy that is looked at, in pixels."""

_Map = NDArray[np.float64]
_TILE = 16  # side of what has an entropy of its own, in pixels
_LEVELS = 32  # grey levels that an entropy tells apart
_SPECTRUM = 64  # side of the picture whose spectrum is looked at, as in the paper
_DIGITS = 4


def focal_point(picture: Image.Image, method: str) -> Point:
    """The point of a picture that should stay in the middle of a cut.

    Args:
        picture: Upright, in mode RGB or RGBA; of any size, 512 pixels are enough.
        method: One of `METHODS`. `centre` looks nowhere; `edges` weighs the gradient's energy;
            `entropy` the grey levels' entropy in tiles of 16 pixels; `saliency` what is unlikely
            in the picture's spectrum (Hou and Zhang 2007); `faces` the faces by their areas, and
            edges where there is no face.

    Returns:
        Fractions from the left and from the top, 0…1; the centre where nothing stands out.

    Raises:
        UnknownName: There is no such method.
        UsageError: It is `faces`, and the package that finds them is not installed.
    """
    if method not in METHODS:
        raise UnknownName("method to find what to look at", method, METHODS)
    small = flattened(picture, (255, 255, 255)).convert("RGB")
    small.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
    return METHODS[method](small)


def _centre(picture: Image.Image) -> Point:
    return CENTRE


def _edges(picture: Image.Image) -> Point:
    return _centre_of_mass(_gradient_energy(_grey(picture)))


def _entropy(picture: Image.Image) -> Point:
    return _centre_of_mass(_tile_entropy(_grey(picture)))


def _saliency(picture: Image.Image) -> Point:
    small = picture.resize((_SPECTRUM, _SPECTRUM), Image.Resampling.BOX)
    return _centre_of_mass(_spectral_residual(_grey(small)), floor=3.0)  # as in the paper


def _faces(picture: Image.Image) -> Point:
    boxes = faces_in(picture)
    if not boxes:
        return _edges(picture)
    areas = [(right - left) * (bottom - top) for left, top, right, bottom in boxes]
    x = sum(a * (box[0] + box[2]) / 2 for a, box in zip(areas, boxes, strict=True)) / sum(areas)
    y = sum(a * (box[1] + box[3]) / 2 for a, box in zip(areas, boxes, strict=True)) / sum(areas)
    return round(x, _DIGITS), round(y, _DIGITS)


METHODS: dict[str, Callable[[Image.Image], Point]] = {
    "centre": _centre,
    "edges": _edges,
    "entropy": _entropy,
    "saliency": _saliency,
    "faces": _faces,
}
"""Name of a method → what finds the point in a small picture of mode RGB."""


def _grey(picture: Image.Image) -> _Map:
    return np.asarray(picture.convert("L"), dtype=np.float64)


def _gradient_energy(grey: _Map) -> _Map:
    """Squared length of the gradient, by central differences; the shape of the picture."""
    across, down = np.zeros_like(grey), np.zeros_like(grey)
    across[:, 1:-1] = (grey[:, 2:] - grey[:, :-2]) / 2
    down[1:-1] = (grey[2:] - grey[:-2]) / 2
    return across**2 + down**2


def _tile_entropy(grey: _Map) -> _Map:
    """Bits of entropy of each tile; tiles at the right and lower edge may be narrower."""
    levels = np.minimum(grey * _LEVELS / 256, _LEVELS - 1).astype(np.int64)
    rows, columns = (-(-side // _TILE) for side in grey.shape)
    tile = (np.arange(grey.shape[0]) // _TILE)[:, None] * columns
    tile = tile + np.arange(grey.shape[1]) // _TILE
    flat = np.bincount((tile * _LEVELS + levels).ravel(), minlength=rows * columns * _LEVELS)
    counts = flat.reshape(rows, columns, _LEVELS).astype(np.float64)
    shares = counts / counts.sum(axis=2, keepdims=True)
    logs = np.log2(np.where(shares > 0, shares, 1.0))
    bits: _Map = -(shares * logs).sum(axis=2)
    return np.repeat(np.repeat(bits, _TILE, axis=0), _TILE, axis=1)[
        : grey.shape[0], : grey.shape[1]
    ]


def _spectral_residual(grey: _Map) -> _Map:
    """What a picture has beyond the smooth spectrum that all pictures have; the picture's shape."""
    if np.ptp(grey) == 0:
        return np.zeros_like(grey)
    spectrum = np.fft.fft2(grey - grey.mean())
    logs = np.log(np.abs(spectrum) + 1e-3)
    residual = logs - _smoothed(logs)
    found = np.abs(np.fft.ifft2(np.exp(residual + 1j * np.angle(spectrum)))) ** 2
    return _smoothed(_smoothed(found))


def _smoothed(values: _Map) -> _Map:
    """The mean of each place and its eight neighbours, round the edges."""
    steps = (-1, 0, 1)
    moved = [np.roll(values, (down, across), (0, 1)) for down in steps for across in steps]
    mean: _Map = np.mean(moved, axis=0)
    return mean


def _centre_of_mass(weights: _Map, *, floor: float = 1.0) -> Point:
    """Of what is more than so many times the mean; the middle of the picture where nothing is."""
    above = np.maximum(weights - floor * weights.mean(), 0.0)
    total = float(above.sum())
    if total <= 1e-9 * above.size:
        return CENTRE
    height, width = above.shape
    x = float(above.sum(axis=0) @ (np.arange(width) + 0.5)) / total / width
    y = float(above.sum(axis=1) @ (np.arange(height) + 0.5)) / total / height
    return round(x, _DIGITS), round(y, _DIGITS)
