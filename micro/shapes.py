"""Outlines of the products: each a list of parts, drawn from back to front.

Coordinates are the product's own: x to the right, y down, the product inside [-1, 1] on both axes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Finish = Literal["cloth", "cylinder", "pillow", "flat"]
RGB = tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class Part:
    """One filled outline of a product.

    Attributes:
        outline: Polygon of shape (points, 2).
        finish: How light falls on it.
        tint: Multiplies the brightness of its colour.
        paint: A fixed colour (0–255); None takes the product's.
    """

    outline: Points
    finish: Finish
    tint: float = 1.0
    paint: RGB | None = None


def parts_of(kind: str) -> list[Part]:
    """Return the parts of a product kind, back to front.

    Raises:
        KeyError: The kind is none of `micro.captions.KINDS`.
    """
    return _KINDS[kind]


def rounded(points: Sequence[tuple[float, float]], *, passes: int = 3) -> Points:
    """Round a closed polygon's corners (Chaikin 1974); a point given twice stays sharper."""
    outline = np.asarray(points, dtype=np.float64)
    for _ in range(passes):
        following = np.roll(outline, -1, axis=0)
        cut = np.stack([0.75 * outline + 0.25 * following, 0.25 * outline + 0.75 * following], 1)
        outline = cut.reshape(-1, 2)
    return outline


def mirrored(right_half: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return a closed outline from its right half, listed from top to bottom."""
    return [*right_half, *[(-x, y) for x, y in reversed(right_half)]]


def ellipse(centre: tuple[float, float], radii: tuple[float, float]) -> Points:
    """Return an ellipse as a polygon of 40 points."""
    return arc(centre, radii, (0.0, 360.0))[:-1]


def arc(
    centre: tuple[float, float], radii: tuple[float, float], degrees: tuple[float, float]
) -> Points:
    """Return 41 points of an elliptic arc; 0° points right, 90° down."""
    angles = np.radians(np.linspace(*degrees, 41))
    return np.stack(
        [centre[0] + radii[0] * np.cos(angles), centre[1] + radii[1] * np.sin(angles)], axis=1
    )


def band(
    centre: tuple[float, float],
    radii: tuple[float, float],
    degrees: tuple[float, float],
    *,
    width: float,
) -> Points:
    """Return a bent strip along an elliptic arc, `width` wide, inside the radii."""
    outer = arc(centre, radii, degrees)
    inner = arc(centre, (radii[0] - width, radii[1] - width), degrees)
    return np.concatenate([outer, inner[::-1]])


def _t_shirt() -> list[Part]:
    body = mirrored(
        [
            *[(0.26, -0.82), (0.3, -0.82), (0.56, -0.72), (1.0, -0.24), (1.0, -0.24)],
            *[(0.74, -0.02), (0.74, -0.02), (0.54, -0.26), (0.55, 0.3), (0.57, 0.9), (0.57, 0.9)],
        ]
    )
    return [
        Part(outline=rounded(body, passes=2), finish="cloth"),
        Part(outline=ellipse((0.0, -0.81), (0.3, 0.2)), finish="flat", tint=0.5),
        Part(outline=ellipse((0.0, -0.87), (0.24, 0.13)), finish="flat", tint=0.8),
        Part(outline=band((0.0, -0.83), (0.31, 0.24), (8, 172), width=0.07), finish="flat"),
    ]


def _tote_bag() -> list[Part]:
    body = [(-0.62, -0.24), (-0.62, -0.24), (0.62, -0.24), (0.62, -0.24), (0.7, 0.94), (0.7, 0.94)]
    body += [(-0.7, 0.94), (-0.7, 0.94)]
    handle = band((0.0, -0.2), (0.4, 0.8), (180, 360), width=0.11)
    return [
        Part(outline=handle + np.array([0.05, -0.03]), finish="flat", tint=0.6),
        Part(outline=rounded(body, passes=2), finish="cloth"),
        Part(outline=handle, finish="flat", tint=0.95),
        Part(
            outline=rounded([(-0.62, -0.24), (0.62, -0.24), (0.63, -0.12), (-0.63, -0.12)]),
            finish="flat",
            tint=0.82,
        ),
    ]


def _mug() -> list[Part]:
    side = np.concatenate(
        [arc((-0.16, 0.72), (0.58, 0.17), (0, 180)), [[-0.74, -0.6], [0.42, -0.6]]]
    )
    return [
        Part(
            outline=band((0.4, 0.06), (0.5, 0.48), (-100, 100), width=0.16), finish="flat", tint=0.8
        ),
        Part(outline=side, finish="cylinder"),
        Part(outline=ellipse((-0.16, -0.6), (0.58, 0.17)), finish="flat", tint=1.15),
        Part(outline=ellipse((-0.16, -0.59), (0.5, 0.13)), finish="flat", tint=0.45),
    ]


def _bottle() -> list[Part]:
    glass = [(0.14, -0.78), (0.14, -0.5), (0.18, -0.36), (0.4, -0.14), (0.42, 0.0), (0.42, 0.95)]
    label = [(-0.42, 0.16), (0.42, 0.16), (0.42, 0.6), (-0.42, 0.6)]
    return [
        Part(outline=rounded(mirrored([*glass, (0.4, 1.0)]), passes=2), finish="cylinder"),
        Part(outline=np.array(label), finish="cylinder", paint=(225, 222, 214)),
        Part(
            outline=np.array([(-0.17, -1.0), (0.17, -1.0), (0.17, -0.72), (-0.17, -0.72)]),
            finish="cylinder",
            paint=(70, 70, 76),
        ),
    ]


def _box() -> list[Part]:
    return [
        Part(
            outline=np.array([(-0.9, -0.34), (0.2, -0.1), (0.2, 0.9), (-0.9, 0.6)]), finish="flat"
        ),
        Part(
            outline=np.array([(0.2, -0.1), (0.92, -0.4), (0.92, 0.52), (0.2, 0.9)]),
            finish="flat",
            tint=0.6,
        ),
        Part(
            outline=np.array([(-0.9, -0.34), (-0.14, -0.6), (0.92, -0.4), (0.2, -0.1)]),
            finish="flat",
            tint=1.25,
        ),
        Part(
            outline=np.array([(-0.42, -0.24), (-0.26, -0.2), (0.48, -0.48), (0.32, -0.51)]),
            finish="flat",
            paint=(214, 190, 140),
        ),
        Part(
            outline=np.array([(-0.42, -0.24), (-0.26, -0.2), (-0.26, 0.1), (-0.42, 0.06)]),
            finish="flat",
            paint=(196, 170, 120),
        ),
    ]


def _lamp() -> list[Part]:
    metal = (150, 150, 156)
    shade = np.concatenate(
        [arc((0.0, -0.04), (0.68, 0.12), (0, 180)), arc((0.0, -0.9), (0.36, 0.06), (180, 360))]
    )
    return [
        Part(outline=ellipse((0.0, 0.88), (0.44, 0.12)), finish="pillow", paint=metal),
        Part(
            outline=np.array([(-0.06, -0.1), (0.06, -0.1), (0.06, 0.86), (-0.06, 0.86)]),
            finish="cylinder",
            paint=metal,
        ),
        Part(outline=shade, finish="cylinder", tint=1.1),
        Part(
            outline=band((0.0, -0.04), (0.68, 0.12), (5, 175), width=0.045), finish="flat", tint=1.3
        ),
    ]


def _cushion() -> list[Part]:
    quarter = [(0.0, -0.68), (0.45, -0.7), (0.92, -0.86), (0.92, -0.86), (0.74, -0.4), (0.72, 0.0)]
    lower = [(0.74, 0.4), (0.92, 0.86), (0.92, 0.86), (0.45, 0.7), (0.0, 0.68)]
    seam = np.array(rounded(mirrored([*quarter, *lower])))
    return [
        Part(outline=seam, finish="flat", tint=0.62),
        Part(outline=seam * 0.93, finish="pillow"),
        Part(outline=ellipse((0.0, 0.0), (0.075, 0.075)), finish="flat", tint=0.55),
    ]


def _shoe() -> list[Part]:
    white, dark = (238, 236, 230), (44, 42, 46)
    upper = [
        (-0.88, -0.5),
        (-0.88, -0.5),
        (-0.5, -0.36),
        (-0.14, -0.5),
        (-0.14, -0.5),
        (0.12, -0.14),
    ]
    upper += [(0.5, 0.04), (0.92, 0.16), (1.0, 0.42), (0.98, 0.5), (-0.9, 0.5), (-0.96, 0.1)]
    sole = [(-0.96, 0.36), (0.2, 0.4), (1.02, 0.36), (1.04, 0.5), (0.96, 0.62), (-0.94, 0.62)]
    toe = [(0.66, 0.09), (0.94, 0.16), (1.0, 0.42), (0.98, 0.44), (0.56, 0.44), (0.56, 0.3)]
    laces = [
        Part(
            outline=np.array(
                [(x, y), (x + 0.22, y - 0.1), (x + 0.27, y - 0.04), (x + 0.05, y + 0.07)]
            ),
            finish="flat",
            paint=white,
        )
        for x, y in ((-0.22, -0.26), (-0.08, -0.11), (0.1, 0.02), (0.3, 0.11))
    ]
    return [
        Part(outline=ellipse((-0.5, -0.42), (0.36, 0.1)), finish="flat", paint=dark),
        Part(outline=rounded(upper, passes=2), finish="pillow"),
        Part(outline=rounded(toe), finish="flat", paint=white, tint=0.92),
        *laces,
        Part(outline=rounded(sole, passes=2), finish="flat", paint=white),
        Part(
            outline=np.array([(-0.93, 0.55), (1.0, 0.53), (0.96, 0.62), (-0.94, 0.62)]),
            finish="flat",
            paint=dark,
        ),
    ]


_BUILDERS: dict[str, Callable[[], list[Part]]] = {
    "t-shirt": _t_shirt,
    "tote bag": _tote_bag,
    "mug": _mug,
    "bottle": _bottle,
    "box": _box,
    "lamp": _lamp,
    "cushion": _cushion,
    "shoe": _shoe,
}
_KINDS = {kind: build() for kind, build in _BUILDERS.items()}
