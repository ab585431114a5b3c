"""Captions in a table, one a picture: JSON lines, a JSON list, or CSV, as other tools write them.

A picture is named by `path`, `file_name`, `sha256` or `member`; its caption is `text` or `caption`.
"""

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdxl_reg.errors import InvalidValue, NotFound

_NAMES = ("path", "file_name", "sha256", "member")
_TEXTS = ("text", "caption")


@dataclass(frozen=True, kw_only=True)
class CaptionRow:
    """A caption for one picture, which is named in one way.

    Attributes:
        text: The caption.
        path: Relative to the folder of the set.
        sha256: Of its bytes.
        member: Its number in the registry.
        author: Who wrote it.
    """

    text: str
    path: str | None = None
    sha256: str | None = None
    member: int | None = None
    author: str | None = None


def read_captions(path: Path) -> list[CaptionRow]:
    """The rows of a table of captions, in its order.

    Args:
        path: `.jsonl`, `.json` or `.csv`; UTF-8.

    Raises:
        NotFound: There is no such file.
        InvalidValue: It is none of these, or a row lacks a picture or a caption.
    """
    if not path.is_file():
        raise NotFound("file", path)
    return [_row(path, number, found) for number, found in enumerate(_rows(path), start=1)]


def _rows(path: Path) -> list[Any]:
    try:
        text = path.read_text("utf-8-sig")
        if path.suffix.lower() == ".csv":
            return list(csv.DictReader(text.splitlines()))
        if path.suffix.lower() == ".json":
            found = json.loads(text)
            return found if isinstance(found, list) else [found]
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    except (ValueError, csv.Error) as error:
        raise InvalidValue(
            f"{path} is no table of captions", error, remedy="Give JSON lines, a JSON list or CSV"
        ) from error


def _row(path: Path, number: int, found: Any) -> CaptionRow:
    said: Mapping[str, Any] = found if isinstance(found, dict) else {}
    names = {name: said[name] for name in _NAMES if said.get(name) not in (None, "")}
    texts = [said[name] for name in _TEXTS if isinstance(said.get(name), str)]
    if len(names) != 1 or len(texts) != 1:
        raise InvalidValue(
            f"row {number} of {path}",
            json.dumps(found, ensure_ascii=False)[:200],
            remedy=f"Give one of {', '.join(_NAMES)}, and one of {', '.join(_TEXTS)}",
        )
    ((name, value),) = names.items()
    return CaptionRow(
        text=texts[0],
        path=str(value) if name in ("path", "file_name") else None,
        sha256=str(value) if name == "sha256" else None,
        member=_number(path, number, value) if name == "member" else None,
        author=str(said["author"]) if said.get("author") else None,
    )


def _number(path: Path, number: int, value: object) -> int:
    if not str(value).isdecimal():
        raise InvalidValue(f"the member of row {number} of {path}", value, remedy="Give its number")
    return int(str(value))
