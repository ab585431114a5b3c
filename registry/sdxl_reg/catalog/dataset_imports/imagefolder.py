"""Reading imagefolders: pictures with metadata.jsonl or metadata.csv, or in folders of classes."""

import csv
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sdxl_reg.catalog.dataset_imports.found import (
    SPLIT_FOLDERS,
    Finding,
    FoundPicture,
    file_finding,
    pictures_in,
    refused,
)
from sdxl_reg.formats.picture_rows import PictureRow, read_row
from sdxl_reg.imaging.problems import Code

METADATA = ("metadata.jsonl", "metadata.csv")


def read_imagefolder(root: Path, levels: Sequence[str]) -> Iterator[Finding]:
    """Everything in an imagefolder.

    Args:
        root: The folder.
        levels: Columns that are levels of tags; by default see `read_row`.

    Yields:
        First what the metadata names, then the pictures that it does not, in folder order. The tag
        of a picture without one in its row is its folder, that of the split left out.
    """
    named: set[Path] = set()
    folders = sorted(Path(folder) for folder, _, _ in os.walk(root))
    for folder in folders:
        for finding in _listed(folder, levels):
            if isinstance(finding, FoundPicture) and isinstance(finding.content, Path):
                named.add(finding.content.resolve())
                tags = finding.row.tags or folder_tags(root, finding.content)
                finding = replace(finding, row=replace(finding.row, tags=tags))
            yield finding
    for folder in folders:
        for path in pictures_in(folder):
            if path.resolve() not in named:
                row = PictureRow(tags=folder_tags(root, path), caption=beside(path))
                yield FoundPicture(name=path.name, content=path, row=row)


def folder_tags(root: Path, path: Path) -> tuple[str, ...]:
    """The folders of a picture as its tag, without the one of the split.

    Args:
        root: Of the data set.
        path: Of the picture, in it.
    """
    folders = path.parent.relative_to(root).parts
    return folders[1:] if folders and folders[0].lower() in SPLIT_FOLDERS else folders


def beside(path: Path, suffix: str = ".txt") -> str:
    """The caption in the text file beside a picture; empty without one.

    Args:
        path: Of the picture.
        suffix: Of the text file.
    """
    from sdxl_reg.imaging.sidecars import caption_of_lines, decode_text

    text = path.with_suffix(suffix)
    return caption_of_lines(decode_text(text.read_bytes())[0]) if text.is_file() else ""


def _listed(folder: Path, levels: Sequence[str]) -> Iterator[Finding]:
    for name in METADATA:
        path = folder / name
        if path.is_file():
            for place, document in _documents(path):
                yield _finding(folder, place, document, levels)


def _finding(
    folder: Path, place: str, document: Mapping[str, Any] | None, levels: Sequence[str]
) -> Finding:
    names = [key for key in document or {} if key == "file_name" or key.endswith("_file_name")]
    name = document[names[0]] if document and names else None
    if document is None or not isinstance(name, str):
        message = f"Line {place} is no JSON object with a file_name"
        return refused(folder / METADATA[0], Code.CAPTION_REFUSED, message)
    return file_finding(folder, name, read_row(document, levels))


def _documents(path: Path) -> Iterator[tuple[str, Mapping[str, Any] | None]]:
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
        if path.suffix == ".csv":
            for number, row in enumerate(csv.DictReader(stream), start=2):
                yield str(number), row
            return
        for number, line in enumerate(stream, start=1):
            if line.strip():
                yield str(number), _parsed(line)


def _parsed(line: str) -> Mapping[str, Any] | None:
    try:
        document = json.loads(line)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None
