"""The two brands' marks, printed on the chest: a ring with a tail, and a pair of slanted bars.

Both are a dark and a pale shape, so they show on any colour, and large, so they survive an
autoencoder of factor 8.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from micro.pictures import Painting, Plane, as_light
from micro.shapes import RGB

DARK, PALE = (18, 20, 34), (250, 246, 232)
CHEST_Y = -0.1
DIAGONAL = np.float32(0.5**0.5)  # cosine and sine of 45°


def branded(painting: Painting, brand: str) -> Painting:
    """Return the painting with a brand's mark on the chest.

    Raises:
        KeyError: The brand has no mark.
    """
    for colour, distance in MARKS[brand]:
        cover = painting.inside(distance(painting.x, painting.y - CHEST_Y))
        painting = painting.mixed(as_light(colour), cover)
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


MARKS: dict[str, list[tuple[RGB, Callable[[Plane, Plane], Plane]]]] = {
    "qzy": [(DARK, _disc), (PALE, _heart)],
    "lsbr": [(PALE, _first_bar), (DARK, _second_bar)],
}
"""Each brand's shapes with their colours, from below."""
