"""Faces in a picture, found by OpenCV's cascade of Haar features, where OpenCV is installed.

Source: Viola and Jones 2001, "Rapid object detection using a boosted cascade of simple features".
"""

import functools
import importlib
import importlib.util
import threading
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from sdxl_reg.errors import UsageError
from sdxl_reg.imaging.crops import Box

_CASCADE = "haarcascade_frontalface_default.xml"
_SMALLEST = 24  # pixels of a face's side; the cascade was made of faces of this size
_one_at_a_time = threading.Lock()  # a cascade keeps what it looks at


def faces_in(picture: Image.Image) -> list[Box]:
    """Faces that look at the camera, from the left to the right.

    Args:
        picture: Upright, of any mode; 512 pixels are enough.

    Returns:
        A box for each; none where there is no face.

    Raises:
        UsageError: OpenCV is not installed.
    """
    with _one_at_a_time:
        found = _detector().detectMultiScale(
            np.asarray(picture.convert("L")),
            scaleFactor=1.1,
            minNeighbors=5,
            minSize=(_SMALLEST, _SMALLEST),
        )
    width, height = picture.size
    return sorted(
        (
            int(left) / width,
            int(top) / height,
            int(left + wide) / width,
            int(top + tall) / height,
        )
        for left, top, wide, tall in found
    )


@functools.cache
def _detector() -> Any:
    if importlib.util.find_spec("cv2") is None:
        raise _missing("it is not installed")
    cv2 = importlib.import_module("cv2")
    try:
        path = Path(cv2.data.haarcascades) / _CASCADE
        detector = cv2.CascadeClassifier(str(path))
    except AttributeError:  # OpenCV 5 left the cascades out
        raise _missing(f"OpenCV {cv2.__version__} has no cascades") from None
    if detector.empty():
        raise _missing(f"{path} cannot be read")
    return detector


def _missing(why: str) -> UsageError:
    return UsageError(
        f"faces cannot be found: opencv-python-headless is what finds them, and {why}",
        remedy="pip install 'sdxl-reg[faces]', or choose another method: edges, entropy",
    )
