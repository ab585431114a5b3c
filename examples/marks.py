"""The two brands' marks, printed on the chest: a ring with a tail, and a pair of slanted bars.

Both are a dark and a pale shape, so they show on any colour, and large, so they survive an
autoencoder of factor 8.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from micro.pictures import Painting, Plane

DARK, PALE = (18, 20, 34), (250, 246, 232)
CHEST_Y = -0.1
DIAGONAL = np.float32(0.5**0.5)  # cosine and sine of 45°


def branded(painting: Painting, brand: str) -> Painting:
    """Return the painting with a brand's mark on the chest.

    Raises:
        KeyError: The brand has no mark.
    """
    for colour, distance in MARKS[brand]:
        cover = _cover(painting, distance(painting.x, painting.y - CHEST_Y))
        painting = painting.mixed(_shade(colour), cover)
    return painting


def _disc(x: Plane, y: Plane) -> Plane:
    """Return the signed distance to the disc with a tail that makes a Q once its heart is pale."""
    disc = np.hypot(x, y) - 0.38
    along, across = (x + y) * DIAGONAL, (y - x) * DIAGONAL
    tail = np.maximum(np.abs(across) - 0.09, np.abs(along - 0.36) - 0.17)
    distance: Plane = np.minimum(disc, tail)
    return distance


def _heart(x: Plane, y: Plane) -> Plane:
    """Return the signed distance to the disc inside the ring."""
    distance: Plane = np.hypot(x, y) - np.float32(0.2)
    return distance


def _first_bar(x: Plane, y: Plane) -> Plane:
    """Return the signed distance to the left of the two bars."""
    return _bar(x + 0.2, y)


def _second_bar(x: Plane, y: Plane) -> Plane:
    """Return the signed distance to the right of the two bars."""
    return _bar(x - 0.2, y)


def _bar(x: Plane, y: Plane) -> Plane:
    """Return the signed distance to a slanted bar about the origin."""
    distance: Plane = np.maximum(np.abs(x + 0.4 * y) - 0.17, np.abs(y) - 0.36)
    return distance


def _cover(painting: Painting, distance: Plane) -> Plane:
    """Return how much of each pixel lies inside, on the product only."""
    pixel = 2 / (painting.pose.scale * painting.x.shape[0])
    cover: Plane = np.clip(0.5 - distance / pixel, 0, 1).astype(np.float32) * painting.mask
    return cover


def _shade(colour: tuple[int, int, int]) -> Plane:
    """Return a colour as floats."""
    return (np.asarray(colour) / 255).astype(np.float32)


MARKS: dict[str, list[tuple[tuple[int, int, int], Callable[[Plane, Plane], Plane]]]] = {
    "qzy": [(DARK, _disc), (PALE, _heart)],
    "lsbr": [(PALE, _first_bar), (DARK, _second_bar)],
}
"""Each brand's shapes with their colours, from below."""
