"""Writing a frozen dataset for another program: the formats there are, and what they share."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from sqlalchemy.orm import Session

from sdxl_reg.catalog.dataset_exports.coco import write_coco
from sdxl_reg.catalog.dataset_exports.contents import Contents, Picture, contents_of
from sdxl_reg.catalog.dataset_exports.hypernetwork import write_hypernetwork
from sdxl_reg.catalog.dataset_exports.imagefolder import write_imagefolder
from sdxl_reg.catalog.dataset_exports.kohya import write_kohya
from sdxl_reg.catalog.dataset_exports.options import ExportOptions
from sdxl_reg.catalog.dataset_exports.parquet import write_parquet
from sdxl_reg.catalog.dataset_exports.plain_folder import write_folder
from sdxl_reg.catalog.dataset_exports.sinks import FolderSink, Sink
from sdxl_reg.catalog.dataset_exports.webdataset import write_webdataset
from sdxl_reg.catalog.dataset_exports.work import ExportFormat, ExportReport, Progress, Work
from sdxl_reg.catalog.published import published
from sdxl_reg.errors import Conflict, InvalidValue, UnknownName
from sdxl_reg.formats.dataset_formats import EXPORTS
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.tables import DatasetVersion

FORMATS: Mapping[str, ExportFormat] = {
    form.name: form
    for form in (
        ExportFormat(
            name="kohya",
            summary=EXPORTS["kohya"],
            write=write_kohya,
            split="train",
            options=frozenset({"repeats", "class_word"}),
        ),
        ExportFormat(
            name="folder",
            summary=EXPORTS["folder"],
            write=write_folder,
            unchanged="bytes",
        ),
        ExportFormat(
            name="hypernetwork",
            summary=EXPORTS["hypernetwork"],
            write=write_hypernetwork,
            names="tags",
            resolution="1024",
            split="train",
        ),
        ExportFormat(
            name="imagefolder",
            summary=EXPORTS["imagefolder"],
            write=write_imagefolder,
        ),
        ExportFormat(
            name="parquet",
            summary=EXPORTS["parquet"],
            write=write_parquet,
            options=frozenset({"shard_mb"}),
            owned=frozenset({".parquet"}),
        ),
        ExportFormat(
            name="webdataset",
            summary=EXPORTS["webdataset"],
            write=write_webdataset,
            options=frozenset({"shard_mb"}),
            owned=frozenset({".tar"}),
        ),
        ExportFormat(
            name="coco",
            summary=EXPORTS["coco"],
            write=write_coco,
        ),
    )
}
"""What users call a format → how it is written."""


def export_dataset(
    session: Session,
    store: BlobStore,
    version: DatasetVersion,
    to: Path,
    *,
    form: str = "kohya",
    options: ExportOptions | None = None,
    progress: Progress = lambda _done, _total, _what: None,
) -> ExportReport:
    """Write a frozen dataset into a folder that appears when it is whole.

    Nothing is overwritten; exporting again changes nothing.

    Args:
        session: The transaction.
        store: Holds the pictures.
        version: The dataset.
        to: The folder; made when it is not there.
        form: One of `FORMATS`.
        options: How pictures are named, cut and converted.
        progress: Told (done, total, what) after each picture.

    Raises:
        UnknownName: No such format, or no such way to find the middle of a crop.
        InvalidValue: An option is given that the format does not have.
        Conflict: The version has no picture in that split; a file is there that differs, or a
            picture that is not of this dataset.
        NotFound: A picture is not in the store.
        Corrupt: A picture cannot be decoded.
        UsageError: Parquet is asked for without pyarrow.
        OutOfSpace: The disk is full; nothing was kept.
    """
    planned = plan_export(session, store, version, form=form, options=options)
    to = to.absolute()
    with published(to, owned=planned.form.owned) as aside:
        return write_export(store, planned, FolderSink(aside, to), to=to, progress=progress)


@dataclass(frozen=True, kw_only=True)
class PlannedExport:
    """An export that can be written, without a database any more.

    Attributes:
        form: The format.
        options: With what the format decides where the user did not.
        contents: The dataset version.
        selected: Its pictures that are written.
    """

    form: ExportFormat
    options: ExportOptions
    contents: Contents
    selected: tuple[Picture, ...]


def plan_export(
    session: Session,
    store: BlobStore,
    version: DatasetVersion,
    *,
    form: str,
    options: ExportOptions | None = None,
) -> PlannedExport:
    """What an export will write; no picture is read.

    Args:
        session: The transaction.
        store: Holds the manifest.
        version: The dataset.
        form: One of `FORMATS`.
        options: How pictures are named, cut and converted.

    Raises:
        UnknownName: No such format.
        InvalidValue: An option is given that the format does not have.
        Conflict: The version has no picture in that split.
        NotFound: Its manifest is not in the store.
    """
    if form not in FORMATS:
        raise UnknownName("format of an export", form, FORMATS)
    settled = _settled(FORMATS[form], options or ExportOptions())
    contents = contents_of(session, store, version)
    return PlannedExport(
        form=FORMATS[form],
        options=settled,
        contents=contents,
        selected=_selected(contents, settled.split),
    )


def write_export(
    store: BlobStore,
    planned: PlannedExport,
    sink: Sink,
    *,
    to: PurePath,
    progress: Progress = lambda _done, _total, _what: None,
) -> ExportReport:
    """Write a planned export.

    Args:
        store: Holds the pictures.
        planned: What is written.
        sink: Receives it.
        to: Where it will lie, for files that name others; never looked at here.
        progress: Told (done, total, what) after each picture.

    Raises:
        Conflict: The sink holds what would be taken for a part of the export.
        NotFound: A picture is not in the store.
        Corrupt: A picture cannot be decoded.
        UsageError: Parquet is asked for without pyarrow.
    """
    form, contents = planned.form, planned.contents
    work = Work(
        contents=contents,
        selected=planned.selected,
        options=planned.options,
        names=planned.options.names or form.names,
        store=store,
        sink=sink,
        to=to,
        unchanged=form.unchanged,
        progress=progress,
    )
    folders = form.write(work)
    return ExportReport(
        form=form.name,
        folder=to,
        folders=folders,
        images=len(planned.selected),
        converted=work.converted,
        left_out=len(contents.pictures) - len(planned.selected),
        without_caption=tuple(work.without_caption),
    )


def _settled(form: ExportFormat, options: ExportOptions) -> ExportOptions:
    """Options with what the format decides where the user did not."""
    for name in ("repeats", "class_word", "shard_mb"):
        if getattr(options, name) and name not in form.options:
            having = [other.name for other in FORMATS.values() if name in other.options]
            raise InvalidValue(
                f"the format {form.name} has no option --{name.replace('_', '-')}",
                getattr(options, name),
                remedy=f"It belongs to --format {' or '.join(having)}",
            )
    return replace(
        options,
        resolution=options.resolution or form.resolution,
        split=options.split or form.split,
    )


def _selected(contents: Contents, split: str) -> tuple[Picture, ...]:
    selected = tuple(p for p in contents.pictures if split in ("", p.split))
    if not selected:
        splits = sorted({picture.split for picture in contents.pictures})
        raise Conflict(
            f"{contents.reference} has no picture in the split {split!r}",
            remedy=f"It has: {', '.join(splits)}",
        )
    return selected
