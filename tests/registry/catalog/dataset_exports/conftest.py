"""A frozen dataset to be exported, and the exporting of it."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import Engine

from sdxl_reg.catalog.dataset_exports.export import export_dataset
from sdxl_reg.catalog.dataset_exports.options import ExportOptions
from sdxl_reg.catalog.dataset_exports.work import ExportReport
from sdxl_reg.catalog.datasets import entries_of, find_dataset_version, freeze
from sdxl_reg.catalog.ingest import ingest
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import reading, transaction
from tests.registry.catalog.pictures import picture, products, write

Exporter = Callable[..., ExportReport]


def turned_jpeg() -> bytes:
    """A picture that lies on its side, as its EXIF says."""
    exif = Image.Exif()
    exif[0x0112] = 6
    stream = io.BytesIO()
    picture(77).save(stream, "JPEG", exif=exif)
    return stream.getvalue()


@pytest.fixture
def frozen(tmp_path: Path, engine: Engine, store: BlobStore) -> str:
    """A frozen dataset of thirteen pictures, one of them lying on its side, one with a caption."""
    extra = {
        "weipin/qzy/flawless/turned.jpg": turned_jpeg(),
        "weipin/qzy/flawless/turned.txt": b"up",
    }
    ingest(engine, store, write(products(tmp_path / "products"), extra))
    with transaction(engine) as session:
        freeze(session, store, "weipin")
    return "weipin"


@pytest.fixture
def export(engine: Engine, store: BlobStore) -> Exporter:
    """Exports a dataset: (reference, folder, format, options…)."""

    def exported(reference: str, to: Path, form: str, **options: object) -> ExportReport:
        progress = options.pop("progress", lambda _done, _total, _what: None)
        with reading(engine) as session:
            return export_dataset(
                session,
                store,
                find_dataset_version(session, reference),
                to,
                form=form,
                options=ExportOptions(**options),  # type: ignore[arg-type]
                progress=progress,  # type: ignore[arg-type]
            )

    return exported


@pytest.fixture
def split(frozen: str, engine: Engine) -> str:
    """The frozen dataset with the pictures of one brand for validation."""
    with transaction(engine) as session:
        version = find_dataset_version(session, frozen)
        for entry in entries_of(session, version):
            if entry.tag_path.startswith("lsbr"):
                entry.split = "validation"
    return frozen
