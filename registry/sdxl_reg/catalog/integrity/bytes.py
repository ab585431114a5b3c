"""Rows against bytes: what is recorded is there unharmed, and what is there is recorded."""

from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count
from pathlib import Path
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.integrity.faults import Advance, Fault, FaultKind
from sdxl_reg.catalog.portions import portions
from sdxl_reg.errors import Corrupt, NotFound
from sdxl_reg.store.blobs import BlobStore, digest_at
from sdxl_reg.tables import (
    Artifact,
    ArtifactFile,
    ArtifactVersion,
    Blob,
    Dataset,
    DatasetVersion,
    GridCell,
    Image,
    ImageSet,
    Member,
    RunSample,
)

_PORTION = 256
_NAMED = 3


def byte_faults(
    session: Session, store: BlobStore, advance: Advance, *, quick: bool = False
) -> Iterator[Fault]:
    """Recorded blobs that the store cannot give as they were recorded.

    Args:
        session: The transaction.
        store: Holds the bytes.
        advance: Told after some hundred blobs.
        quick: Compare lengths only; otherwise every byte is read.

    Yields:
        What is wrong, in the order of the rows.
    """
    total = session.scalar(select(func.count()).select_from(Blob)) or 0
    done = last = 0
    query = select(Blob.id, Blob.sha256, Blob.size_bytes).order_by(Blob.id).limit(_PORTION)
    with ThreadPoolExecutor(cpu_count() or 1) as pool:
        while rows := session.execute(query.where(Blob.id > last)).all():
            faults = pool.map(lambda row: _fault(store, row.sha256, row.size_bytes, quick), rows)
            for row, fault in zip(rows, faults, strict=True):
                if fault is not None:
                    kind, message = fault
                    yield Fault(
                        kind=kind,
                        subject=row.sha256,
                        message=message,
                        used_by=tuple(users_of(session, row.id)),
                    )
            done, last = done + len(rows), rows[-1].id
            advance(done, total, "comparing lengths" if quick else "reading blobs")


def unrecorded(session: Session, store: BlobStore) -> Iterator[Path]:
    """Files of the store that no row names.

    Args:
        session: The transaction.
        store: The store.
    """
    for some in portions(store.files()):
        names = {digest_at(path): path for path in some}
        known = recorded_among(session, names)
        yield from (path for digest, path in names.items() if digest not in known)


def recorded_among(session: Session, digests: Collection[str]) -> set[str]:
    """Those of some digests that have a row.

    Args:
        session: The transaction.
        digests: Some hundreds at most.
    """
    return set(session.scalars(select(Blob.sha256).where(Blob.sha256.in_(digests))))


def users_of(session: Session, blob_id: int) -> list[str]:
    """The first few of what needs a blob, as people call it.

    Args:
        session: The transaction.
        blob_id: Its row.
    """
    found: list[str] = []
    for form, query in _users(blob_id):
        found += [form.format(*row) for row in session.execute(query.limit(_NAMED))]
    return found[:_NAMED]


def _users(blob_id: int) -> Iterator[tuple[str, Select[*tuple[Any, ...]]]]:
    yield (
        "{}/{}",
        select(ImageSet.name, Member.source_path)
        .join(Member, Member.image_set_id == ImageSet.id)
        .join(Image, Image.id == Member.image_id)
        .where(Image.blob_id == blob_id),
    )
    yield (
        "{}@{}: {}",
        select(Artifact.name, ArtifactVersion.version, ArtifactFile.path)
        .join(ArtifactVersion, ArtifactVersion.artifact_id == Artifact.id)
        .join(ArtifactFile, ArtifactFile.version_id == ArtifactVersion.id)
        .where(ArtifactFile.blob_id == blob_id),
    )
    yield (
        "{}@{}",
        select(Dataset.name, DatasetVersion.version)
        .join(DatasetVersion, DatasetVersion.dataset_id == Dataset.id)
        .where(DatasetVersion.manifest_id == blob_id),
    )
    yield "grid {}", select(GridCell.grid_id).where(GridCell.blob_id == blob_id)
    yield "run {}", select(RunSample.run_id).where(RunSample.blob_id == blob_id)


def _fault(
    store: BlobStore, sha256: str, size_bytes: int, quick: bool
) -> tuple[FaultKind, str] | None:
    try:
        path = store.checked_path(sha256)
        found = path.stat().st_size
        if found != size_bytes:
            return FaultKind.CORRUPT, f"It has {found:,} of {size_bytes:,} bytes"
        if not quick:
            store.verify(sha256)
    except FileNotFoundError:
        return FaultKind.MISSING, "It is not in the store"
    except NotFound as error:
        return FaultKind.MISSING, error.message
    except Corrupt as error:
        return FaultKind.CORRUPT, error.fault
    except OSError as error:
        return FaultKind.CORRUPT, f"It cannot be read: {error.strerror}"
    return None
