"""Reading COCO: JSON documents and the folders of their pictures."""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sdxl_reg.catalog.dataset_imports.found import Finding, FoundPicture, file_finding, refused
from sdxl_reg.errors import Corrupt
from sdxl_reg.formats.coco import ANNOTATIONS, CAPTIONS, INSTANCES, read_coco
from sdxl_reg.formats.picture_rows import PictureRow
from sdxl_reg.imaging.problems import Code


def documents_in(root: Path) -> list[Path]:
    """The JSON files of a data set that say they are COCO documents of pictures.

    Args:
        root: One of them, or a folder that holds them, itself or in folders below.
    """
    if root.is_file():
        return [root]
    return [path for path in sorted(root.rglob("*.json")) if _begins_so(path)]


def read_coco_folder(root: Path, levels: Sequence[str]) -> Iterator[Finding]:
    """Every picture of the documents of a folder, or of one document.

    Args:
        root: The folder or file.
        levels: Of no use here: categories are not columns.

    Yields:
        Pictures with caption and tag; documents of one split are read together.
    """
    base = root.parent if root.is_file() else root
    for split, paths in _splits(documents_in(root)).items():
        documents = {}
        for path in paths:
            try:
                documents[path] = _loaded(path)
            except Corrupt as error:
                yield refused(path.name, Code.CORRUPT, f"{error.fault}. {error.remedy}")
        try:
            found = read_coco(documents)
        except Corrupt as error:
            yield refused(error.path, Code.CORRUPT, f"{error.fault}. {error.remedy}")
            continue
        folders = _folders(base, paths[0], split)
        for picture in found:
            if picture.other_categories:
                others = ", ".join(picture.other_categories)
                message = f"It has further categories, which were not taken: {others}"
                yield refused(picture.file_name, Code.LABEL_CONFLICT, message)
            yield _finding(folders, picture.file_name, picture.row)


def _finding(folders: Sequence[Path], name: str, row: PictureRow) -> Finding:
    tried = [file_finding(folder, name, row) for folder in folders]
    return next((found for found in tried if isinstance(found, FoundPicture)), tried[0])


def _folders(base: Path, document: Path, split: str) -> list[Path]:
    """Where the pictures of a document may lie, the likeliest place first."""
    above = document.parent.parent if document.parent.name == ANNOTATIONS else base
    roots = dict.fromkeys([base, above, document.parent])
    names = (split, "images", f"images/{split}", ".", "data")
    places = (root / name for root in roots for name in names if name)
    return [place for place in places if place.is_dir()]


def _splits(paths: Sequence[Path]) -> dict[str, list[Path]]:
    """Documents by what their names say behind `instances_` or `captions_`."""
    found: defaultdict[str, list[Path]] = defaultdict(list)
    for path in paths:
        kind, _, split = path.stem.partition("_")
        found[split if kind in (INSTANCES, CAPTIONS) else path.stem].append(path)
    return dict(found)


def _loaded(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except ValueError as error:
        raise Corrupt(path, f"no JSON ({error})", remedy="Copy it again") from error


def _begins_so(path: Path) -> bool:
    """Whether a file has what only COCO documents have, in its first or last part."""
    with path.open("rb") as stream:
        head = stream.read(1 << 16)
        stream.seek(max(0, path.stat().st_size - (1 << 16)))
        tail = stream.read()
    return b'"images"' in head + tail and b'"annotations"' in head + tail
