"""Prints on products: a pale or dark dot, a square or stripes, so that the base can draw marks."""

from __future__ import annotations

import numpy as np

from micro.captions import Shot
from micro.pictures import Painting, Plane, as_light

INKS = {"pale": (247, 244, 235), "dark": (24, 24, 32)}
OPACITY = np.float32(0.94)
FACES = {
    "t-shirt": (0.0, 0.1, 0.4),
    "tote bag": (0.0, 0.4, 0.42),
    "mug": (-0.16, 0.1, 0.4),
    "bottle": (0.0, 0.4, 0.34),
    "box": (-0.34, 0.3, 0.36),
    "lamp": (0.0, -0.45, 0.34),
    "cushion": (0.0, 0.0, 0.46),
    "shoe": (-0.3, 0.1, 0.3),
}
"""Where a product's print sits, in its own coordinates: x, y, and half the print's extent."""


def printed(painting: Painting, shot: Shot, rng: np.random.Generator) -> Painting:
    """Return the painting with the shot's print, if it has one, on the product only.

    Args:
        painting: The product without print.
        shot: Its `print` is one of `micro.captions.PRINTS`, or empty.
        rng: Small accidents of place and size.
    """
    if not shot.print:
        return painting
    ink, form = shot.print.split()
    x, y, extent = FACES[shot.kind]
    extent *= rng.uniform(0.8, 1.2)
    dx = painting.x - x - np.float32(rng.uniform(-0.06, 0.06))
    dy = painting.y - y - np.float32(rng.uniform(-0.06, 0.06))
    cover = painting.inside(_distance(form, dx, dy, extent))
    return painting.mixed(as_light(INKS[ink]), OPACITY * cover)


def _distance(form: str, dx: Plane, dy: Plane, extent: float) -> Plane:
    """Return the signed distance to a form about the origin, in product units."""
    if form == "dot":
        distance = np.hypot(dx, dy) - 0.8 * extent
    elif form == "square":
        distance = np.maximum(np.abs(dx), np.abs(dy)) - 0.72 * extent
    else:
        distance = np.abs((dy + 2) % (0.9 * extent) - 0.45 * extent) - 0.2 * extent
    return distance.astype(np.float32)
