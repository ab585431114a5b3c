"""A tagger of the WD14 family: an ONNX network that gives each tag of a list a probability.

Source: the taggers of SmilingWolf (wd-v1-4, wd-vit-tagger-v3, …) as their own demonstration runs
them: pictures padded to a white square, 448 pixels wide, in BGR from 0 to 255.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import Field

from sdxl_reg.captioners.interface import CaptionerSettings
from sdxl_reg.errors import Corrupt

MODEL, TAGS = "model.onnx", "selected_tags.csv"
_GENERAL, _CHARACTER = 0, 4  # Danbooru's numbers of these categories; 9 rates
_FACES = frozenset(
    {"0_0", "(o)_(o)", "+_+", "+_-", "._.", "<o>_<o>", "<|>_<|>", "=_=", ">_<", "3_3", "6_9"}
    | {">_o", "@_@", "^_^", "o_o", "u_u", "x_x", "|_|", "||_||"}
)
"""Tags whose underscore is a mouth and no space."""
_WHITE = (255, 255, 255)


class TaggerSettings(CaptionerSettings):
    """What a tagger can be told."""

    general_threshold: float = Field(
        default=0.35, ge=0, le=1, description="The least probability of a tag."
    )
    character_threshold: float = Field(
        default=0.85, ge=0, le=1, description="The least probability of a character's name."
    )
    exclude: str = Field(default="", description="Tags that are never given, with commas between.")
    max_tags: int = Field(default=50, ge=1, description="The most tags of a picture.")


@dataclass(frozen=True, kw_only=True)
class Tagger:
    """The plugin; see `interface.Captioner`."""

    name: str = "wd14"
    summary: str = "WD14-style taggers in ONNX: tags with commas between, by their probability"
    weights: str = "SmilingWolf/wd-vit-tagger-v3"
    packages: tuple[str, ...] = ("onnxruntime",)
    extra: str = "tagger"
    files: tuple[str, ...] = (MODEL, TAGS)
    settings: type[TaggerSettings] = TaggerSettings

    def open(self, folder: Path, settings: TaggerSettings, device: str) -> "TagWriter":
        """Load the network and its list of tags.

        Args:
            folder: With `model.onnx` and `selected_tags.csv`.
            settings: What it is told.
            device: `cpu`, or anything else for the first that onnxruntime has.

        Raises:
            Corrupt: The files are not those of a tagger.
        """
        return TagWriter(folder, settings, device)


class TagWriter:
    """A loaded tagger.

    Args:
        folder: With its files.
        settings: What it is told.
        device: See `Tagger.open`.

    Raises:
        Corrupt: The files are not those of a tagger.
    """

    def __init__(self, folder: Path, settings: TaggerSettings, device: str) -> None:
        self._tags = read_tags(folder / TAGS)
        self._settings = settings
        self._session = _session(folder / MODEL, device)
        entry = self._session.get_inputs()[0]
        self._input = entry.name
        self._takes_many = not isinstance(entry.shape[0], int)
        self._side = _side(folder / MODEL, entry.shape, self._session, len(self._tags))

    def captions(self, pictures: Sequence[Image.Image]) -> list[str]:
        """The tags of each picture, characters first, the most probable first.

        Args:
            pictures: In mode RGB.
        """
        batch = np.stack([prepared(picture, self._side) for picture in pictures])
        batches = [batch] if self._takes_many else [row[None] for row in batch]
        rows = [row for part in batches for row in self._session.run(None, {self._input: part})[0]]
        return [self._caption(row) for row in rows]

    def _caption(self, probabilities: NDArray[np.float32]) -> str:
        said = self._settings
        least = {_GENERAL: said.general_threshold, _CHARACTER: said.character_threshold}
        excluded = {tag.strip().casefold() for tag in said.exclude.split(",")}
        found = [
            (category != _CHARACTER, -float(probability), name)
            for (name, category), probability in zip(self._tags, probabilities, strict=True)
            if category in least
            and probability >= least[category]
            and name.casefold() not in excluded
        ]
        return ", ".join(name for _, _, name in sorted(found)[: said.max_tags])


def prepared(picture: Image.Image, side: int) -> NDArray[np.float32]:
    """A picture as the network takes it.

    Args:
        picture: In mode RGB.
        side: Pixels.

    Returns:
        (side, side, 3), blue first, 0…255.
    """
    longest = max(picture.size)
    square = Image.new("RGB", (longest, longest), _WHITE)
    square.paste(picture, ((longest - picture.width) // 2, (longest - picture.height) // 2))
    resized = square.resize((side, side), Image.Resampling.BICUBIC)
    return np.ascontiguousarray(np.asarray(resized, dtype=np.float32)[:, :, ::-1])


def read_tags(path: Path) -> list[tuple[str, int]]:
    """The tags of a list with their categories, underscores as spaces.

    Args:
        path: A `selected_tags.csv` with the columns `name` and `category`.

    Raises:
        Corrupt: It is no such list.
    """
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = [(row["name"], int(row["category"])) for row in csv.DictReader(stream)]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Corrupt(path, f"it is no list of tags: {error!r}") from None
    return [(n if n in _FACES else n.replace("_", " "), category) for n, category in rows]


def _session(path: Path, device: str) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    available = onnxruntime.get_available_providers()
    providers = ["CPUExecutionProvider"] if device == "cpu" else available
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:  # onnxruntime's own classes have no common name
        raise Corrupt(path, f"onnxruntime cannot read it: {error}") from None


def _side(path: Path, shape: Sequence[Any], session: Any, tags: int) -> int:
    outputs = session.get_outputs()[0].shape
    if len(shape) != 4 or shape[3] != 3 or not isinstance(shape[1], int) or shape[1] != shape[2]:
        raise Corrupt(path, f"it takes {shape}, not pictures as a tagger does")
    if isinstance(outputs[-1], int) and outputs[-1] != tags:
        raise Corrupt(
            path,
            f"it has {outputs[-1]} tags, its {TAGS} {tags}",
            remedy="Fetch both files from the same place",
        )
    return int(shape[1])


wd14 = Tagger()
