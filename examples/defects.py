"""Two defects of cloth: creases where it lay folded, and stains."""

from __future__ import annotations

import numpy as np

from micro.pictures import Painting, Plane, blurred

STAIN = np.array([0.12, 0.07, 0.04], dtype=np.float32)


def folded(painting: Painting, rng: np.random.Generator) -> Painting:
    """Return the painting with two or three creases across, each a light beside a dark side."""
    shade = np.ones_like(painting.x)
    for place in rng.permutation((-0.35, 0.1, 0.5))[: rng.integers(2, 4)]:
        shade *= _crease(painting, float(place) + rng.uniform(-0.06, 0.06), rng)
    return painting.shaded(shade)


def spotted(painting: Painting, rng: np.random.Generator) -> Painting:
    """Return the painting with one large stain on the lower body and one or two small ones."""
    places = [(rng.uniform(-0.26, 0.26), rng.uniform(0.52, 0.62), rng.uniform(0.2, 0.26))]
    for _ in range(rng.integers(1, 3)):
        places.append((rng.uniform(-0.4, 0.4), rng.uniform(-0.5, 0.75), rng.uniform(0.07, 0.11)))
    cover = np.zeros_like(painting.x)
    for x, y, radius in places:
        cover = np.maximum(cover, _stain(painting, (x, y), radius, rng))
    return painting.mixed(STAIN, cover * painting.mask)


def _crease(painting: Painting, place: float, rng: np.random.Generator) -> Plane:
    """Return the brightness factor of one crease that crosses the product at height `place`."""
    angle = rng.uniform(-0.4, 0.4)
    wave = 0.03 * np.sin(painting.x * rng.uniform(3, 6) + rng.uniform(0, 6.3))
    distance = painting.y - place - angle * painting.x - wave
    above = np.exp(-(((distance + 0.07) / 0.08) ** 2))
    below = np.exp(-(((distance - 0.06) / 0.08) ** 2))
    line = np.exp(-((distance / 0.03) ** 2))
    factor: Plane = (1 + 0.4 * above - 0.55 * below - 0.4 * line).clip(0.15, 1.5)
    return factor.astype(np.float32)


def _stain(
    painting: Painting, centre: tuple[float, float], radius: float, rng: np.random.Generator
) -> Plane:
    """Return the cover (0–1) of one blot: a wavering disc, darkest at its rim, soft outside."""
    x, y = painting.x - centre[0], painting.y - centre[1]
    around = np.arctan2(y, x)
    edge = np.full_like(around, radius)
    for lobes in (2, 3, 5):
        edge += 0.14 * radius * np.sin(lobes * around + rng.uniform(0, 6.3)) * rng.uniform(0.5, 1)
    depth = 1 - np.hypot(x, y) / edge
    inside = np.clip(depth / 0.12 + 0.5, 0, 1)
    cover: Plane = (inside * (0.8 + 0.16 * np.exp(-((depth / 0.2) ** 2)))).astype(np.float32)
    return blurred(cover, 0.004 * cover.shape[0])
