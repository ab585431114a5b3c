"""What tests ask of an exported folder."""

from pathlib import Path

from sqlalchemy import Engine

from sdxl_reg.catalog.datasets import entries_of, find_dataset_version
from sdxl_reg.store.database import reading
from sdxl_reg.tables import DatasetEntry


def files(folder: Path) -> dict[str, bytes]:
    """Every file of a folder with its bytes."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def entries(engine: Engine, reference: str) -> list[DatasetEntry]:
    """The entries of a dataset version, with their blobs."""
    with reading(engine) as session:
        found = list(entries_of(session, find_dataset_version(session, reference)))
        for entry in found:
            assert entry.image.blob.sha256
        return found
