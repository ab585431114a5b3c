"""The two brands' marks, printed on the chest: a ring with a tail, and three slanted bars."""

from __future__ import annotations

import numpy as np

from micro.pictures import Painting, Plane

INK = {"qzy": (18, 20, 34), "lsbr": (250, 246, 232)}
OUTLINE = {"qzy": (250, 246, 232), "lsbr": (18, 20, 34)}
CHEST_Y = 0.0
BORDER = 0.07


def branded(painting: Painting, brand: str) -> Painting:
    """Return the painting with a brand's mark on the chest, bordered so it shows on any colour.

    Raises:
        KeyError: The brand has no mark.
    """
    distance = {"qzy": _ring, "lsbr": _bars}[brand](painting.x, painting.y - CHEST_Y)
    grown = painting.mixed(_shade(OUTLINE[brand]), _cover(painting, distance - BORDER))
    return grown.mixed(_shade(INK[brand]), _cover(painting, distance))


def _ring(x: Plane, y: Plane) -> Plane:
    """Return the signed distance to a ring with a tail at the lower right."""
    ring = np.abs(np.hypot(x, y) - 0.26) - 0.075
    along, across = (x + y) / np.sqrt(2), (y - x) / np.sqrt(2)
    tail = np.maximum(np.abs(across) - 0.075, np.abs(along - 0.3) - 0.16)
    distance: Plane = np.minimum(ring, tail)
    return distance


def _bars(x: Plane, y: Plane) -> Plane:
    """Return the signed distance to three slanted bars, each shorter than the last."""
    along = x + 0.45 * y
    bars = [
        np.maximum(np.abs(along + 0.3 - 0.3 * index) - 0.085, np.abs(y - top) - reach)
        for index, (top, reach) in enumerate(((0.0, 0.36), (0.08, 0.28), (0.16, 0.2)))
    ]
    distance: Plane = np.minimum.reduce(bars)
    return distance


def _cover(painting: Painting, distance: Plane) -> Plane:
    """Return how much of each pixel lies inside, on the product only."""
    pixel = 2 / (painting.pose.scale * painting.x.shape[0])
    cover: Plane = np.clip(0.5 - distance / pixel, 0, 1).astype(np.float32) * painting.mask
    return cover


def _shade(colour: tuple[int, int, int]) -> Plane:
    """Return a colour as floats."""
    return (np.asarray(colour) / 255).astype(np.float32)
