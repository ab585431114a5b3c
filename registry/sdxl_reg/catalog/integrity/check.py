"""The whole check of a registry, and mending what can be mended."""

from sqlalchemy import Engine, func, select

from sdxl_reg.catalog.audit import note
from sdxl_reg.catalog.integrity.bytes import byte_faults, unrecorded
from sdxl_reg.catalog.integrity.derived import derive_anew, derived_faults
from sdxl_reg.catalog.integrity.faults import Advance, FaultKind, IntegrityReport
from sdxl_reg.errors import Corrupt, NotFound
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import reading, transaction
from sdxl_reg.tables import Blob

_OF_BYTES = (FaultKind.MISSING, FaultKind.CORRUPT)


def check(
    engine: Engine, store: BlobStore, advance: Advance, *, quick: bool = False
) -> IntegrityReport:
    """Look for everything that is wrong; nothing is changed.

    Args:
        engine: The database.
        store: Holds the bytes.
        advance: Told how far it is.
        quick: Compare lengths of blobs instead of reading them.
    """
    with reading(engine) as session:
        recorded = session.scalar(select(func.count()).select_from(Blob)) or 0
        faults = [*byte_faults(session, store, advance, quick=quick), *derived_faults(session)]
        stray = [path.lstat().st_size for path in unrecorded(session, store)]
    return IntegrityReport(
        verified=recorded - sum(fault.kind in _OF_BYTES for fault in faults),
        faults=tuple(faults),
        unrecorded=len(stray),
        unrecorded_bytes=sum(stray),
        strays=tuple(str(path) for path in store.strays()),
    )


def repair(
    engine: Engine, store: BlobStore, report: IntegrityReport, second: BlobStore | None
) -> int:
    """Mend what can be: derived rows from the truth, blobs from a second store.

    Args:
        engine: The database.
        store: Receives the bytes.
        report: What was found.
        second: Another store, from which lost bytes are taken; it is only read.

    Returns:
        How many blobs were restored; check again for what is left.

    Raises:
        OutOfSpace: The disk is full; what was restored before is kept.
    """
    restored = 0
    for fault in report.faults:
        if fault.kind in _OF_BYTES and second is not None:
            try:
                with second.open(fault.subject) as stream:
                    store.restore(fault.subject, stream)
            except (NotFound, Corrupt):
                continue  # it has not got them either; the next check says so
            restored += 1
    with transaction(engine) as session:
        derive_anew(session)
        note(session, "registry.repaired", "registry", faults=len(report.faults), blobs=restored)
    return restored
