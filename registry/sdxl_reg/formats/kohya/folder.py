"""The dataset folder that kohya's trainers read: names, captions, `dataset.toml`, metadata.

    image/<repeats>_<class>/a.png, a.txt    model/    log/    dataset.toml    meta_cap.json

Source: sd-scripts 48d368f, `library/config_util.py` (`ConfigSanitizer`, folder names) and
`library/train_util.py` (`FineTuningDataset`: metadata).
"""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

IMAGE, MODEL, LOG = "image", "model", "log"
DATASET, METADATA = "dataset.toml", "meta_cap.json"
LONGEST_NAME_BYTES = 180
"""Of a stem: file systems take 255 bytes, and trainers put suffixes of their own behind it."""
_UNSAFE = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]+')


def safe_name(name: str, *, default: str) -> str:
    """A name that every file system takes, as near to the given one as can be.

    Args:
        name: Any text.
        default: What to call it where nothing is left.
    """
    clean = _UNSAFE.sub("_", name).strip(" .")
    clean = clean.encode("utf-8", "replace")[:LONGEST_NAME_BYTES].decode("utf-8", "ignore")
    return clean.strip(" .") or default


def folder_name(repeats: int, class_word: str) -> str:
    """The name of a folder of pictures: `10_weipin`."""
    return f"{repeats}_{safe_name(class_word, default='pictures')}"


def unique_stems(candidates: Sequence[Sequence[str]]) -> list[str]:
    """A stem for each file of a folder, no two of which are equal, in upper or lower case.

    Args:
        candidates: For each file, what it may be called, the best name first; the last one is
            made unique by a number where it has to be.

    Returns:
        For each file the first of its candidates that no other file's same candidate equals.
    """
    levels = max((len(names) for names in candidates), default=0)
    stems: list[str] = [""] * len(candidates)
    taken: Counter[str] = Counter()
    for level in range(levels):
        open_files = [index for index, stem in enumerate(stems) if not stem]
        names = {index: _candidate(candidates[index], level) for index in open_files}
        counts = Counter(name.casefold() for name in names.values())
        for index, name in names.items():
            is_last = level == levels - 1
            if (counts[name.casefold()] == 1 and not taken[name.casefold()]) or is_last:
                stems[index] = _numbered(name, taken)
    return stems


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


def metadata_json(captions: Mapping[str, str]) -> str:
    """The metadata of `--in_json`: path of a picture → its caption."""
    document = {path: {"caption": caption} for path, caption in captions.items()}
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _pairs(values: Mapping[str, Any]) -> list[str]:
    return [f"{key} = {_value(value)}" for key, value in values.items()]


def _value(value: Any) -> str:
    """A value as TOML writes it: like JSON, but that DEL is escaped and no None exists."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _candidate(names: Sequence[str], level: int) -> str:
    return safe_name(names[min(level, len(names) - 1)], default="picture")


def _numbered(name: str, taken: Counter[str]) -> str:
    number, unique = 1, name
    while taken[unique.casefold()]:
        number += 1
        unique = f"{name}-{number}"
    taken[unique.casefold()] += 1
    return unique
