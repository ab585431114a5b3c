"""The dataset folder that kohya's trainers read: names, captions, `dataset.toml`, metadata.

    image/<repeats>_<class>/a.png, a.txt    model/    log/    dataset.toml    meta_cap.json

Source: sd-scripts 48d368f, `library/config_util.py` (`ConfigSanitizer`, folder names) and
`library/train_util.py` (`FineTuningDataset`: metadata).
"""

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from sdxl_reg.errors import Conflict
from sdxl_reg.formats.file_names import safe_name

IMAGE, MODEL, LOG = "image", "model", "log"
DATASET, METADATA = "dataset.toml", "meta_cap.json"
ROW = "sdxl_reg"
"""Key of the metadata under which our row of a picture stands; the trainers pass over it."""


def folder_name(repeats: int, class_word: str) -> str:
    """The name of a folder of pictures: `10_weipin`."""
    return f"{repeats}_{safe_name(class_word, default='pictures')}"


def caption_line(text: str, *, default: str) -> str:
    """A caption as one line, which is never empty.

    Args:
        text: The caption.
        default: What to say where it is empty.
    """
    return " ".join(line.strip() for line in text.splitlines() if line.strip()) or default


def dataset_toml(subsets: Sequence[Mapping[str, Any]], dataset: Mapping[str, Any]) -> str:
    """A `--dataset_config` of one dataset.

    Args:
        subsets: For each folder its keys: `image_dir`, `num_repeats`, `class_tokens`, …
        dataset: Keys of all folders: `resolution`, `batch_size`, `enable_bucket`, …

    Returns:
        TOML text; keys are written as they are given.
    """
    lines = ["[general]", *_pairs({"caption_extension": ".txt"}), ""]
    lines += ["[[datasets]]", *_pairs(dataset)]
    for subset in subsets:
        lines += ["", "  [[datasets.subsets]]", *("  " + line for line in _pairs(subset))]
    return "\n".join(lines) + "\n"


def toml_text(values: Mapping[str, Any]) -> str:
    """Keys and values as TOML: text, numbers, switches and lists of these."""
    return "".join(line + "\n" for line in _pairs(values))


def metadata_json(pictures: Mapping[str, Mapping[str, Any]]) -> str:
    """The metadata of `--in_json`.

    Args:
        pictures: Path of a picture → what is said of it: its `caption`, its `image_size`. `tags`
            would be put behind the caption; keys that the trainers do not know they pass over.
    """
    return json.dumps(pictures, ensure_ascii=False, indent=2) + "\n"


def refuse_other_folders(images: Path, ours: Collection[str]) -> None:
    """Refuse to write beside other pictures: trainers that are pointed at `image/` take them all.

    Args:
        images: The folder of folders; it need not be there.
        ours: Names of the folders that will be in it.

    Raises:
        Conflict: A folder of other pictures is there, which would be trained as well.
    """
    for path in sorted(images.glob("*_*/")):
        if path.name not in ours:
            raise Conflict(
                f"{path} is a folder of other pictures, which would be trained as well",
                remedy="Move it away or export into another folder",
            )


def _pairs(values: Mapping[str, Any]) -> list[str]:
    return [f"{key} = {_value(value)}" for key, value in values.items()]


def _value(value: Any) -> str:
    """A value as TOML writes it: like JSON, but that DEL is escaped and no None exists."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
