"""What tests ask of an image set that was imported."""

from pathlib import Path

from sqlalchemy import Engine

from sdxl_reg.catalog.dataset_imports.dataset import ImportReport, import_dataset
from sdxl_reg.catalog.images import find_image_set, members_of
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import reading


def imported(
    engine: Engine, store: BlobStore, path: Path, *, form: str | None = None, levels: str = ""
) -> ImportReport:
    """An import as the image set `in`."""
    columns = levels.split(",") if levels else ()
    return import_dataset(engine, store, path, name="in", form=form, levels=columns)


def pictures(engine: Engine, name: str = "in") -> dict[str, tuple[str, str]]:
    """Path of a picture → its tag and its caption."""
    with reading(engine) as session:
        members = members_of(session, find_image_set(session, name))
        return {m.source_path: (m.tag_path, m.caption) for m in members}


def levels(engine: Engine, name: str = "in") -> str:
    """The layout of an image set."""
    with reading(engine) as session:
        return find_image_set(session, name).layout


def refusals(report: ImportReport) -> dict[str, str]:
    """Path → code of what was passed over."""
    return {problem.path: problem.code.value for problem in report.problems}
