"""The folder that kohya_ss and sd-scripts train on; see `formats.kohya.folder`."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath, PurePosixPath
from typing import Any

from sdxl_reg.catalog.dataset_exports.contents import Picture, stems_of
from sdxl_reg.catalog.dataset_exports.work import Work
from sdxl_reg.formats.file_names import unique_stems
from sdxl_reg.formats.kohya.folder import (
    DATASET,
    IMAGE,
    LOG,
    METADATA,
    MODEL,
    ROW,
    caption_line,
    dataset_toml,
    folder_name,
    metadata_json,
)
from sdxl_reg.formats.picture_rows import row_document

DATASET_SETTINGS = {
    "resolution": [1024, 1024],
    "batch_size": 1,
    "enable_bucket": True,
    "min_bucket_reso": 256,
    "max_bucket_reso": 2048,
    "bucket_reso_steps": 64,
    "bucket_no_upscale": False,
}
"""Of SDXL's own training (Podell et al. 2023, section 2.3); for a user to change."""


@dataclass(frozen=True, kw_only=True)
class _Group:
    """Pictures that go into one folder, each with its stem."""

    folder: str
    repeats: int
    class_word: str
    files: tuple[tuple[str, Picture], ...]


def write_kohya(work: Work) -> dict[str, int]:
    """Write `image/<repeats>_<class>/`, `model/`, `log/`, `dataset.toml` and `meta_cap.json`.

    Returns:
        Folders of pictures → how many are in each.

    Raises:
        Conflict: A folder of other pictures is there, which would be trained as well.
    """
    groups = _groups(work)
    work.sink.claim(IMAGE, {group.folder for group in groups})
    for name in (MODEL, LOG, *(f"{IMAGE}/{group.folder}" for group in groups)):
        work.sink.make_folder(name)
    by_position = {
        picture.position: (group, stem) for group in groups for stem, picture in group.files
    }
    in_order = tuple(picture for group in groups for _, picture in group.files)
    metadata: dict[str, dict[str, Any]] = {}
    for picture, file in work.files(in_order):
        group, stem = by_position[picture.position]
        caption = work.caption(picture, default=group.class_word)
        path = PurePosixPath(IMAGE, group.folder, stem)
        name = work.put_with_caption(path, file, caption)
        work.note(picture, name)
        metadata[str(work.to / name)] = {
            "caption": caption,
            "image_size": list(file.size),
            ROW: row_document(work.row(picture), work.contents.columns),
        }
    work.put(DATASET, _toml(groups, work.to))
    work.put(METADATA, metadata_json(metadata))
    return {f"{IMAGE}/{group.folder}": len(group.files) for group in groups}


def _groups(work: Work) -> list[_Group]:
    """The folders, named by all pictures of the version, with those that are written."""
    options, name = work.options, work.contents.name
    found: dict[tuple[int, str], list[Picture]] = defaultdict(list)
    for picture in work.contents.pictures:
        word = options.class_word or next(iter(picture.tags), name)
        found[options.repeats or picture.repeats, word].append(picture)
    ordered = sorted(found.items())
    folders = unique_stems([[folder_name(times, word)] for (times, word), _ in ordered])
    groups = [
        _Group(
            folder=folder,
            repeats=times,
            class_word=caption_line(word, default=name),
            files=_selected(work, group),
        )
        for folder, ((times, word), group) in zip(folders, ordered, strict=True)
    ]
    return [group for group in groups if group.files]


def _selected(work: Work, group: Sequence[Picture]) -> tuple[tuple[str, Picture], ...]:
    wanted = {picture.position for picture in work.selected}
    stems = stems_of(work.contents, group, work.names)
    pairs = zip(stems, group, strict=True)
    return tuple((stem, picture) for stem, picture in pairs if picture.position in wanted)


def _toml(groups: Sequence[_Group], to: PurePath) -> str:
    subsets = [
        {
            "image_dir": str(to / IMAGE / group.folder),
            "num_repeats": group.repeats,
            "class_tokens": group.class_word,
        }
        for group in groups
    ]
    return dataset_toml(subsets, DATASET_SETTINGS)
