"""Writing a frozen dataset for another program: the formats there are, and what they share."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from sqlalchemy.orm import Session

from sdxl_reg.catalog.dataset_exports.coco import write_coco
from sdxl_reg.catalog.dataset_exports.contents import Contents, Picture, contents_of
from sdxl_reg.catalog.dataset_exports.hypernetwork import write_hypernetwork
from sdxl_reg.catalog.dataset_exports.imagefolder import write_imagefolder
from sdxl_reg.catalog.dataset_exports.kohya import write_kohya
from sdxl_reg.catalog.dataset_exports.options import ExportOptions
from sdxl_reg.catalog.dataset_exports.parquet import write_parquet
from sdxl_reg.catalog.dataset_exports.plain_folder import write_folder
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
    if form not in FORMATS:
        raise UnknownName("format of an export", form, FORMATS)
    found, to = FORMATS[form], to.absolute()
    settled = _settled(found, options or ExportOptions())
    contents = contents_of(session, store, version)
    selected = _selected(contents, settled.split)
    with published(to, owned=found.owned) as aside:
        work = Work(
            contents=contents,
            selected=selected,
            options=settled,
            names=settled.names or found.names,
            store=store,
            aside=aside,
            to=to,
            unchanged=found.unchanged,
            progress=progress,
        )
        folders = found.write(work)
    return ExportReport(
        form=form,
        folder=to,
        folders=folders,
        images=len(selected),
        converted=work.converted,
        left_out=len(contents.pictures) - len(selected),
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
