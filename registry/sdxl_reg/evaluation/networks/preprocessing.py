"""Pictures as a network of the hub takes them, by its own `preprocessor_config.json`.

Resize, centre crop, rescale, normalise, with Pillow and numpy: the processors of transformers want
torchvision. The steps and defaults are those of its CLIPImageProcessor and BitImageProcessor.

Accuracy: equal to transformers' own on Pillow up to 1e-6 (`tests/.../networks/
test_preprocessing.py`).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from sdxl_reg.errors import Corrupt, NotFound
from sdxl_reg.evaluation.metrics.interface import Rows

FILES = ("preprocessor_config.json", "processor_config.json")


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """The steps before a network.

    Attributes:
        shortest_edge: Pixels that the shorter side is brought to; None: both sides are given.
        size: Width and height that the picture is brought to otherwise.
        crop: Width and height that are cut out of the middle; None: all of it.
        resample: Pillow's number of the way to resize.
        rescale: Factor on 0…255.
        mean: Of each channel, after rescaling.
        deviation: Likewise.
    """

    shortest_edge: int | None
    size: tuple[int, int] | None
    crop: tuple[int, int] | None
    resample: Image.Resampling
    rescale: float
    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    def apply(self, picture: Image.Image) -> Rows:
        """A picture as the network takes it.

        Args:
            picture: In mode RGB, any size.

        Returns:
            (3, height, width), normalised.
        """
        if target := self._target(picture.size):
            picture = picture.resize(target, self.resample)
        if self.crop:
            picture = _middle(picture, self.crop)
        values = np.asarray(picture, dtype=np.float32) * np.float32(self.rescale)
        mean, deviation = np.array([self.mean, self.deviation], dtype=np.float32)
        normalised: Rows = (values - mean) / deviation
        return np.ascontiguousarray(normalised.transpose(2, 0, 1))

    def _target(self, size: tuple[int, int]) -> tuple[int, int] | None:
        if self.shortest_edge is None:
            return self.size
        width, height = size
        short = self.shortest_edge
        if width <= height:
            return short, int(short * height / width)
        return int(short * width / height), short


def read_preprocessing(folder: Path) -> Preprocessing:
    """The steps that a network's folder asks for.

    Args:
        folder: With `preprocessor_config.json`.

    Raises:
        NotFound: It has no such file: how its network wants pictures cannot be guessed.
        Corrupt: The file is not of its form.
    """
    path = next((folder / name for name in FILES if (folder / name).is_file()), None)
    if path is None:
        raise NotFound(
            "preprocessor_config.json",
            folder,
            remedy="Fetch it beside the weights: it says how the network wants pictures",
        )
    try:
        said = json.loads(path.read_bytes())
        return _read(said.get("image_processor", said))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Corrupt(path, f"it does not say how the network wants pictures: {error!r}") from None


def _read(said: Mapping[str, Any]) -> Preprocessing:
    size = said["size"] if said.get("do_resize", True) else {}
    short = size if isinstance(size, int) else size.get("shortest_edge")
    crop = said["crop_size"] if said.get("do_center_crop") else None
    if crop is not None and isinstance(crop, int):
        crop = {"width": crop, "height": crop}
    normalised = said.get("do_normalize", True)
    return Preprocessing(
        shortest_edge=short,
        size=(size["width"], size["height"]) if size and short is None else None,
        crop=(crop["width"], crop["height"]) if crop else None,
        resample=Image.Resampling(said.get("resample", Image.Resampling.BICUBIC)),
        rescale=said.get("rescale_factor", 1 / 255) if said.get("do_rescale", True) else 1.0,
        mean=tuple(said["image_mean"]) if normalised else (0.0,) * 3,
        deviation=tuple(said["image_std"]) if normalised else (1.0,) * 3,
    )


def _middle(picture: Image.Image, crop: tuple[int, int]) -> Image.Image:
    """The middle of a picture; what lies outside of it is black."""
    width, height = crop
    left, upper = (picture.width - width) // 2, (picture.height - height) // 2
    return picture.crop((left, upper, left + width, upper + height))
