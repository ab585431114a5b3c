"""From sRGB to CIE L*a*b*, where distances are about as large as they look.

Source: IEC 61966-2-1 (sRGB), CIE 15:2004 (L*a*b*, white D65 of the 2° observer), and ΔE*ab of 1976:
about 1 is just seen, 10 is another shade, 100 is black against white.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

# The rows of the matrix sum to the white, so that greys have a = b = 0.
_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
     [0.0193339, 0.1191920, 0.9503041]]
)  # fmt: skip
_WHITE = _XYZ.sum(axis=1)
_KNEE = 6 / 29


def lab(srgb: ArrayLike) -> NDArray[np.float64]:
    """Colours in L*a*b*.

    Args:
        srgb: (…, 3) in 0…255.

    Returns:
        (…, 3): L in [0, 100], a and b about −110…110.

    Accuracy: 0.01 of published values (`tests/.../metrics/test_drift.py`).
    """
    values = np.asarray(srgb, dtype=np.float64) / 255
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    ratios = linear @ _XYZ.T / _WHITE
    curved = np.where(ratios > _KNEE**3, np.cbrt(ratios), ratios / (3 * _KNEE**2) + 4 / 29)
    x, y, z = np.moveaxis(curved, -1, 0)
    found: NDArray[np.float64] = np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)
    return found


def delta_e(one: ArrayLike, other: ArrayLike) -> NDArray[np.float64]:
    """ΔE*ab of 1976: the Euclidean distance of colours.

    Args:
        one: (…, 3) in L*a*b*.
        other: Likewise.

    Returns:
        (…,), 0 or more.
    """
    difference = np.asarray(one, dtype=np.float64) - np.asarray(other, dtype=np.float64)
    found: NDArray[np.float64] = np.sqrt((difference**2).sum(axis=-1))
    return found
