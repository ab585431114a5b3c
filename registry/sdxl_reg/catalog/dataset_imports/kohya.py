"""Reading what kohya's trainers read: folders `10_shirt`, a dataset TOML, metadata JSON."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from sdxl_reg.catalog.dataset_imports.found import (
    Finding,
    FoundPicture,
    file_finding,
    pictures_in,
    refused,
)
from sdxl_reg.catalog.dataset_imports.imagefolder import beside
from sdxl_reg.formats.kohya.folder import DATASET, METADATA, ROW
from sdxl_reg.formats.kohya.subsets import (
    Subset,
    read_metadata,
    subsets_of_folder,
    subsets_of_toml,
)
from sdxl_reg.formats.picture_rows import PictureRow, read_row
from sdxl_reg.imaging.problems import Code

_LEVEL = "class"
_Metadata = dict[str, Mapping[str, Any]]


def read_kohya(root: Path, levels: Sequence[str]) -> Iterator[Finding]:
    """Every picture of a training folder, of a dataset TOML, or of metadata JSON.

    Args:
        root: The folder, or one of the files.
        levels: Of no use here: there are no columns.

    Yields:
        Pictures; the tag is the word of the folder unless our own metadata says more. Pictures of
        regularisation are passed over.

    Raises:
        Corrupt: The TOML or the metadata cannot be read.
    """
    if root.suffix in (".json", ".jsonl"):
        yield from _of_metadata(root.parent, read_metadata(root), set())
        return
    base = root.parent if root.is_file() else root
    toml = root if root.is_file() else root / DATASET
    subsets = subsets_of_toml(toml) if toml.is_file() else subsets_of_folder(root)
    own = base / METADATA
    metadata = read_metadata(own) if own.is_file() else {}
    taken: set[str] = set()
    for subset in subsets:
        for finding in _of_subset(subset, base, metadata):
            if isinstance(finding, FoundPicture):
                taken.add(_end(str(finding.content)))
            yield finding
    if not subsets:
        yield from _of_metadata(base, metadata, taken)


def _of_subset(subset: Subset, base: Path, ours: _Metadata) -> Iterator[Finding]:
    if subset.is_regularisation:
        message = "Its pictures are for regularisation; they were not taken"
        yield refused(str(subset.folder), Code.UNSUPPORTED_TYPE, message)
        return
    if subset.metadata is not None:
        yield from _of_metadata(subset.folder or base, read_metadata(subset.metadata), set())
        return
    if subset.folder is None or not subset.folder.is_dir():
        message = "The folder is not there"
        yield refused(str(subset.folder), Code.VANISHED, message)
        return
    rows = {_end(key): row for key, row in ours.items()}
    for path in pictures_in(subset.folder):
        document = rows.get(_end(str(path)), {})
        text, row = beside(path, subset.caption_suffix), _row(document)
        if not row.sha256:
            word = subset.class_word
            caption = text or row.caption or word
            tags = (word,) if word else ()
            row = replace(row, caption=caption, tags=tags, levels=(_LEVEL,))
        elif text and text != document.get("caption"):  # edited since we wrote it
            row = replace(row, caption=text)
        yield FoundPicture(name=path.name, content=path, row=row)


def _of_metadata(folder: Path, metadata: _Metadata, taken: set[str]) -> Iterator[Finding]:
    """Pictures by their paths in metadata, relative to a folder or moved together with it."""
    for key, document in metadata.items():
        if _end(key) not in taken:
            yield _moved(folder, key, _row(document))


def _moved(folder: Path, key: str, row: PictureRow) -> Finding:
    """The picture of a key: by the longest end of its path that is there."""
    parts = [part for part in PurePosixPath(key.replace("\\", "/")).parts if part != "/"]
    for start in range(len(parts)):
        finding = file_finding(folder, "/".join(parts[start:]), row)
        if isinstance(finding, FoundPicture):
            return finding
    return refused(key, Code.VANISHED, "The data set names it, and it is not there")


def _row(document: Mapping[str, Any]) -> PictureRow:
    """Ours where it is there; else the caption, with kohya's tags behind it."""
    ours = document.get(ROW)
    if isinstance(ours, dict):
        return read_row(ours)
    texts = (document.get(key) for key in ("caption", "tags"))
    caption = ", ".join(text.strip() for text in texts if isinstance(text, str) and text.strip())
    return PictureRow(caption=caption)


def _end(path: str) -> str:
    """Folder and name of a picture, by which it is found wherever the data set was moved."""
    return "/".join(PurePosixPath(path.replace("\\", "/")).parts[-2:])
