"""Importing a data set that another program wrote: which format it is, and how it comes in."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from sdxl_reg.catalog.dataset_imports.coco import documents_in, read_coco_folder
from sdxl_reg.catalog.dataset_imports.found import Finding
from sdxl_reg.catalog.dataset_imports.further_tags import attach_further_tags
from sdxl_reg.catalog.dataset_imports.imagefolder import METADATA, read_imagefolder
from sdxl_reg.catalog.dataset_imports.kohya import read_kohya
from sdxl_reg.catalog.dataset_imports.parquet import read_parquet
from sdxl_reg.catalog.dataset_imports.unpack import Unpacked, unpacked
from sdxl_reg.catalog.dataset_imports.webdataset import (
    TAR_SUFFIXES,
    read_webdataset,
    shards_in,
)
from sdxl_reg.catalog.ingest import IngestOptions, IngestReport, ingest
from sdxl_reg.catalog.references import checked_name
from sdxl_reg.errors import InvalidValue, NotFound, UnknownName
from sdxl_reg.formats.file_names import safe_name
from sdxl_reg.formats.kohya.folder import DATASET
from sdxl_reg.formats.kohya.subsets import subsets_of_folder
from sdxl_reg.imaging.names import name_key
from sdxl_reg.imaging.problems import Problem
from sdxl_reg.store.blobs import BlobStore

Progress = Callable[[int, int, str], None]
Reader = Callable[[Path, Sequence[str]], Iterator[Finding]]

READERS: Mapping[str, Reader] = {
    "kohya": read_kohya,
    "imagefolder": read_imagefolder,
    "parquet": read_parquet,
    "webdataset": read_webdataset,
    "coco": read_coco_folder,
}
"""What users call a format → what reads it."""


@dataclass(frozen=True, kw_only=True)
class ImportReport:
    """What an import found and did.

    Attributes:
        form: The format it was read as.
        pictures: How many the data set has.
        problems: What of it was passed over, or is worth knowing.
        ingested: How its pictures were recorded.
    """

    form: str
    pictures: int
    problems: tuple[Problem, ...]
    ingested: IngestReport


def import_dataset(
    engine: Engine,
    store: BlobStore,
    path: Path,
    *,
    name: str,
    form: str | None = None,
    levels: Sequence[str] = (),
    thumbnails: Path | None = None,
    progress: Progress = lambda _done, _total, _what: None,
    announce: Callable[[str], None] = lambda _sentence: None,
) -> ImportReport:
    """Record the pictures of a data set as an image set, with their captions and tags.

    They are laid out below the store's parent for as long as it takes, and ingested from there.
    Importing again under the same name brings the set up to date.

    Args:
        engine: The database.
        store: Receives the bytes.
        path: The folder or file; only read.
        name: Of the image set.
        form: One of `READERS`; by default what it looks like.
        levels: Columns that are levels of tags, from the root down; by default see
            `formats.picture_rows`.
        thumbnails: Folder that receives a small picture of each; none for no such pictures.
        progress: Told (done, total, what); how many pictures there will be is not known at first.
        announce: Told what was decided before anything is recorded.

    Raises:
        NotFound: No such folder or file.
        UnknownName: No such format.
        InvalidValue: It is no data set that is known here, or holds no picture; or the name is of
            the wrong form.
        UsageError: It is Parquet, and pyarrow is not installed.
        Corrupt: What says where its pictures are cannot be read.
        Conflict: Another process imports under this name, or the set came from a folder that is
            still there.
        OutOfSpace: The disk is full; what was recorded before is kept.
    """
    checked_name(name)
    found = form or detected(path)
    if found not in READERS:
        raise UnknownName("format of an import", found, READERS)
    if not path.exists():
        raise NotFound("folder or file", path)
    announce(f"{path} is read as {found}")
    folder = store.root.parent / "imports" / safe_name(name_key(name), default="_")
    findings = READERS[found](path, levels)
    with unpacked(
        findings, folder, told=lambda done: progress(done, done, "unpacking pictures")
    ) as made:
        _refuse_empty(made, path, found)
        layout = "/".join(levels or made.levels) or None
        options = IngestOptions(as_name=name, layout=layout, link=False)
        report = ingest(
            engine,
            store,
            made.root,
            options=options,
            thumbnails=thumbnails,
            progress=progress,
            announce=lambda plan, _new: announce(plan.layout.sentence()),
        )
        attach_further_tags(engine, name, made.more_tags)
    return ImportReport(
        form=found, pictures=made.pictures, problems=tuple(made.problems), ingested=report
    )


def detected(path: Path) -> str:
    """Which format a folder or file looks like.

    Args:
        path: The folder or file.

    Raises:
        NotFound: It is not there.
        InvalidValue: It looks like none.
    """
    if not path.exists():
        raise NotFound("folder or file", path)
    found = _of_file(path) if path.is_file() else _of_folder(path)
    if found is None:
        raise InvalidValue(
            "this looks like no data set that is known here",
            path,
            remedy=f"Say which with --format {', '.join(READERS)}; for a plain folder of pictures "
            "use: sdxl-reg ingest",
        )
    return found


def _of_file(path: Path) -> str | None:
    name = path.name.lower()
    if name.endswith(TAR_SUFFIXES):
        return "webdataset"
    if name.endswith(".parquet"):
        return "parquet"
    if name.endswith(".toml"):
        return "kohya"
    if name.endswith((".json", ".jsonl")):
        return (
            "coco" if name.endswith(".json") and documents_in(path.parent).count(path) else "kohya"
        )
    return None


def _of_folder(path: Path) -> str | None:
    if (path / DATASET).is_file():
        return "kohya"
    if any(next(path.rglob(name), None) for name in METADATA):
        return "imagefolder"
    if subsets_of_folder(path):
        return "kohya"
    if next(path.rglob("*.parquet"), None):
        return "parquet"
    if shards_in(path):
        return "webdataset"
    return "coco" if documents_in(path) else None


def _refuse_empty(made: Unpacked, path: Path, form: str) -> None:
    if not made.pictures:
        first = f": {made.problems[0].path}: {made.problems[0].message}" if made.problems else ""
        raise InvalidValue(
            f"read as {form}, it holds no picture that can be taken{first}",
            path,
            remedy="Say what it is with --format, or see what it holds",
        )
