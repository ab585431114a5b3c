"""Writing a frozen dataset as a folder: for kohya's trainers, or as it was ingested."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sqlalchemy.orm import Session

from sdxl_reg.catalog.datasets import entries_of
from sdxl_reg.catalog.published import published
from sdxl_reg.errors import Conflict, Corrupt
from sdxl_reg.formats.kohya.folder import (
    DATASET,
    IMAGE,
    LOG,
    METADATA,
    MODEL,
    caption_line,
    dataset_toml,
    folder_name,
    metadata_json,
    unique_stems,
)
from sdxl_reg.imaging.portable import SUFFIXES, PortablePicture, portable
from sdxl_reg.imaging.problems import Unreadable
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.tables import DatasetEntry, DatasetVersion

Progress = Callable[[int, int, str], None]
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
_PICTURES = frozenset({*SUFFIXES.values(), ".jpeg"})


@dataclass(frozen=True, kw_only=True)
class ExportReport:
    """What an export wrote.

    Attributes:
        folder: Where it lies, absolute.
        folders: Folders of pictures, relative to it → how many there are in each.
        images: Pictures in all.
        converted: Pictures that were written anew as PNG: upright, in sRGB.
        without_caption: Names of pictures that had no caption.
    """

    folder: Path
    folders: dict[str, int]
    images: int
    converted: int
    without_caption: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _Group:
    """Pictures that go into one folder, each with its stem."""

    folder: str
    repeats: int
    class_word: str
    files: tuple[tuple[str, DatasetEntry], ...]


@dataclass(frozen=True, kw_only=True)
class _File:
    """A picture that was written; its name is relative to the folder."""

    name: str
    caption: str
    had_caption: bool
    is_original: bool


def export_kohya(
    session: Session,
    store: BlobStore,
    version: DatasetVersion,
    to: Path,
    *,
    repeats: int | None = None,
    class_word: str = "",
    progress: Progress = lambda _done, _total, _what: None,
) -> ExportReport:
    """Write the folder that kohya_ss and sd-scripts train on; see `formats.kohya_folder`.

    Pictures that a plain reader would see turned or in other colours are written anew as PNG, all
    others are the bytes that were ingested. Exporting again changes nothing.

    Args:
        session: The transaction.
        store: Holds the pictures.
        version: The dataset.
        to: The folder; made when it is not there.
        repeats: How often an epoch shows each picture; by default as the dataset says.
        class_word: Name of the one folder, and caption of pictures without one. By default there
            is a folder for each tag of the first level.
        progress: Told (done, total, what) after each picture.

    Raises:
        Conflict: A file is there that differs, or a picture that is not of this dataset.
        NotFound: A picture is not in the store.
        Corrupt: A picture cannot be decoded.
    """
    to = to.absolute()
    groups = _groups(entries_of(session, version), version, repeats, class_word)
    _refuse_other_folders(to / IMAGE, {group.folder for group in groups})
    with published(to, owned=_PICTURES) as aside:
        for name in (MODEL, LOG, *(f"{IMAGE}/{group.folder}" for group in groups)):
            (aside / name).mkdir(parents=True, exist_ok=True)
        files = _written(store, groups, aside, progress)
        captions = {str(to / file.name): file.caption for file in files}
        (aside / DATASET).write_text(_toml(groups, to), encoding="utf-8")
        (aside / METADATA).write_text(metadata_json(captions), encoding="utf-8")
    return ExportReport(
        folder=to,
        folders={f"{IMAGE}/{group.folder}": len(group.files) for group in groups},
        images=len(files),
        converted=sum(not file.is_original for file in files),
        without_caption=tuple(file.name for file in files if not file.had_caption),
    )


def export_folder(
    session: Session,
    store: BlobStore,
    version: DatasetVersion,
    to: Path,
    *,
    progress: Progress = lambda _done, _total, _what: None,
) -> ExportReport:
    """Write the pictures as they were ingested, in the folders of their tags, captions beside them.

    Args:
        session: The transaction.
        store: Holds the pictures.
        version: The dataset.
        to: The folder; made when it is not there.
        progress: Told (done, total, what) after each picture.

    Raises:
        Conflict: A file is there that differs, or a picture that is not of this dataset.
        NotFound: A picture is not in the store.
    """
    to = to.absolute()
    entries = entries_of(session, version)
    by_folder: dict[str, list[DatasetEntry]] = defaultdict(list)
    for entry in entries:
        by_folder[str(PurePosixPath(entry.source_path).parent)].append(entry)
    named = (
        pair for group in by_folder.values() for pair in zip(_stems(group), group, strict=True)
    )
    with published(to, owned=_PICTURES) as aside:
        for done, (stem, entry) in enumerate(named, start=1):
            path = aside / PurePosixPath(entry.source_path).with_stem(stem)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(store.read(entry.image.blob.sha256))
            if text := caption_line(entry.caption, default=""):
                path.with_name(f"{stem}.txt").write_text(text + "\n", encoding="utf-8")
            progress(done, len(entries), "writing pictures")
    return ExportReport(
        folder=to,
        folders={name: len(group) for name, group in sorted(by_folder.items())},
        images=len(entries),
        converted=0,
        without_caption=tuple(e.source_path for e in entries if not e.caption.strip()),
    )


def _written(
    store: BlobStore, groups: Sequence[_Group], aside: Path, progress: Progress
) -> list[_File]:
    files = []
    total = sum(len(group.files) for group in groups)
    for group in groups:
        for stem, entry in group.files:
            picture = _picture(store, entry)
            path = aside / IMAGE / group.folder / (stem + picture.suffix)
            caption = caption_line(entry.caption, default=group.class_word)
            path.write_bytes(picture.data)
            path.with_name(f"{stem}.txt").write_text(caption + "\n", encoding="utf-8")
            files.append(
                _File(
                    name=path.relative_to(aside).as_posix(),
                    caption=caption,
                    had_caption=bool(entry.caption.strip()),
                    is_original=picture.is_original,
                )
            )
            progress(len(files), total, "writing pictures")
    return files


def _refuse_other_folders(images: Path, ours: set[str]) -> None:
    """Trainers that are pointed at `image/` take every folder in it."""
    for path in sorted(images.glob("*_*/")):
        if path.name not in ours:
            raise Conflict(
                f"{path} is a folder of other pictures, which would be trained as well",
                remedy="Move it away or export into another folder",
            )


def _groups(
    entries: Sequence[DatasetEntry], version: DatasetVersion, repeats: int | None, class_word: str
) -> list[_Group]:
    found: dict[tuple[int, str], list[DatasetEntry]] = defaultdict(list)
    for entry in entries:
        top = entry.tag_path.split("/")[0]
        word = class_word or top or version.dataset.name
        found[repeats or entry.repeats, word].append(entry)
    ordered = sorted(found.items())
    names = unique_stems([[folder_name(times, word)] for (times, word), _ in ordered])
    return [
        _Group(
            folder=name,
            repeats=times,
            class_word=caption_line(word, default=version.dataset.name),
            files=tuple(zip(_stems(group), group, strict=True)),
        )
        for name, ((times, word), group) in zip(names, ordered, strict=True)
    ]


def _stems(entries: Sequence[DatasetEntry]) -> list[str]:
    """Stems of files: their own where it is unique, else with tags before it or a hash behind."""
    candidates = []
    for entry in entries:
        stem = PurePosixPath(entry.source_path).stem
        tagged = "-".join([*entry.tag_path.split("/"), stem]) if entry.tag_path else stem
        candidates.append((stem, tagged, f"{tagged}-{entry.image.blob.sha256[:8]}"))
    return unique_stems(candidates)


def _picture(store: BlobStore, entry: DatasetEntry) -> PortablePicture:
    try:
        return portable(store.read(entry.image.blob.sha256))
    except Unreadable as error:
        raise Corrupt(entry.source_path, error.message, remedy="Run: sdxl-reg fsck") from error


def _toml(groups: Sequence[_Group], to: Path) -> str:
    subsets = [
        {
            "image_dir": str(to / IMAGE / group.folder),
            "num_repeats": group.repeats,
            "class_tokens": group.class_word,
        }
        for group in groups
    ]
    return dataset_toml(subsets, DATASET_SETTINGS)
