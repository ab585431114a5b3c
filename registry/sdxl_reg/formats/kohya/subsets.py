"""Where a dataset for kohya's trainers lies: the subsets of a dataset TOML, or folders `10_shirt`.

Source: sd-scripts 48d368f, `library/config_util.py` (`ConfigSanitizer`,
`generate_dreambooth_subsets_config_by_subdirs`) and `library/train_util.py` (`FineTuningDataset`).
"""

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdxl_reg.errors import Corrupt
from sdxl_reg.formats.kohya.folder import IMAGE

DEFAULT_CAPTIONS = ".caption"
"""What sd-scripts reads where a dataset TOML does not say; folders without one have `.txt`."""
_REPEATS = re.compile(r"(\d+)_(.*)")
_CAPTION_KEYS = ("caption_extension", "caption_extention")


@dataclass(frozen=True, kw_only=True)
class Subset:
    """A folder of pictures that are trained alike.

    Attributes:
        folder: As the TOML says it, or where it was found; None where only the metadata names
            pictures.
        class_word: Caption of pictures without one.
        caption_suffix: Suffix of the text files beside the pictures.
        metadata: JSON file of captions that counts in place of text files.
        is_regularisation: Whether its pictures are of the class at large.
    """

    folder: Path | None
    class_word: str = ""
    caption_suffix: str = ".txt"
    metadata: Path | None = None
    is_regularisation: bool = False


def subsets_of_toml(path: Path) -> list[Subset]:
    """The subsets of a `--dataset_config`.

    Args:
        path: The file, TOML or JSON.

    Raises:
        Corrupt: It is no such file.
    """
    try:
        text = path.read_text("utf-8-sig")
        document = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
        general = document.get("general", {})
        return [
            _subset({**general, **dataset, **subset}, path.parent)
            for dataset in document["datasets"]
            for subset in dataset["subsets"]
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        remedy = "Give a file with [[datasets]] and [[datasets.subsets]]"
        raise Corrupt(path, f"no dataset configuration ({error!r})", remedy=remedy) from error


def subsets_of_folder(root: Path) -> list[Subset]:
    """The folders `<repeats>_<class>` of a training folder, or of the `image` in it.

    Args:
        root: The folder.

    Returns:
        By name; none where it has no such folder.
    """
    for place in (root / IMAGE, root / "img", root):
        folders = sorted(place.glob("*_*/")) if place.is_dir() else []
        found = [(path, _REPEATS.fullmatch(path.name)) for path in folders]
        subsets = [Subset(folder=path, class_word=name[2].strip()) for path, name in found if name]
        if subsets:
            return subsets
    return []


def relocated(folder: Path, root: Path) -> Path:
    """A folder that a file names and that was moved together with it.

    Args:
        folder: As it is named.
        root: Where the file lies.

    Returns:
        The folder itself where it is there, else the one whose path ends alike below `root`.
    """
    if folder.is_dir():
        return folder
    parts = folder.parts
    candidates = (root.joinpath(*parts[start:]) for start in range(1, len(parts)))
    return next((path for path in candidates if path.is_dir()), folder)


def read_metadata(path: Path) -> dict[str, Mapping[str, Any]]:
    """The metadata of a fine-tuning subset: path of a picture → what is said of it.

    Args:
        path: JSON, or JSON lines with `image_path`.

    Raises:
        Corrupt: It is neither.
    """
    try:
        text = path.read_text("utf-8-sig")
        if path.suffix == ".jsonl":
            rows = [json.loads(line) for line in text.splitlines() if line.strip()]
            return {row["image_path"]: row for row in rows}
        document = json.loads(text)
        return {key: value for key, value in document.items() if isinstance(value, dict)}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        remedy = "Give a file of picture → caption"
        raise Corrupt(path, f"no metadata of pictures ({error!r})", remedy=remedy) from error


def _subset(settings: Mapping[str, Any], base: Path) -> Subset:
    folder, metadata = settings.get("image_dir"), settings.get("metadata_file")
    suffix = next((settings[key] for key in _CAPTION_KEYS if key in settings), DEFAULT_CAPTIONS)
    return Subset(
        folder=relocated(base / folder, base) if folder else None,
        class_word=str(settings.get("class_tokens") or ""),
        caption_suffix=str(suffix),
        metadata=base / metadata if metadata else None,
        is_regularisation=bool(settings.get("is_reg")),
    )
