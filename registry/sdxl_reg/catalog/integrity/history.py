"""What the last check of a registry found: kept as a line of the log, and read from there."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.audit import note
from sdxl_reg.catalog.integrity.faults import Fault, FaultKind, IntegrityReport
from sdxl_reg.store.database import transaction
from sdxl_reg.tables import EventLog, now

_VERB = "registry.checked"
_TOLD = 20


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a check found, in short.

    Attributes:
        at: When it ended.
        by: Who asked for it; empty where that is not known.
        is_deep: Whether every byte was read.
        seconds: How long it took.
        verified: Blobs that are as they were recorded.
        faults: How much is wrong.
        first: The first few of the faults, those of the database itself before all others.
        unrecorded: Files of the store that no row names.
        unrecorded_bytes: Their length.
        strays: What lies in the store and is no blob.
    """

    at: datetime
    by: str
    is_deep: bool
    seconds: float
    verified: int
    faults: int
    first: Sequence[Fault]
    unrecorded: int
    unrecorded_bytes: int
    strays: int


def finding_of(report: IntegrityReport, *, by: str, is_deep: bool, seconds: float) -> Finding:
    """A report in short.

    Args:
        report: It, just made.
        by: Who asked for it.
        is_deep: Whether every byte was read.
        seconds: How long it took.
    """
    worst_first = sorted(report.faults, key=lambda fault: fault.kind != FaultKind.DATABASE)
    return Finding(
        at=now(),
        by=by,
        is_deep=is_deep,
        seconds=round(seconds, 1),
        verified=report.verified,
        faults=len(report.faults),
        first=worst_first[:_TOLD],
        unrecorded=report.unrecorded,
        unrecorded_bytes=report.unrecorded_bytes,
        strays=len(report.strays),
    )


def keep_finding(engine: Engine, found: Finding) -> None:
    """Write a finding into the log, unless the database itself is damaged: then nothing is written.

    Args:
        engine: The database.
        found: What is kept.
    """
    if any(fault.kind == FaultKind.DATABASE for fault in found.first):
        return
    payload: dict[str, Any] = asdict(found)
    del payload["at"], payload["by"]  # the line has them
    with transaction(engine) as session:
        note(session, _VERB, "registry", **payload)


def last_finding(session: Session) -> Finding | None:
    """What the newest check found; None where there was none yet."""
    query = select(EventLog).where(EventLog.verb == _VERB).order_by(EventLog.id.desc()).limit(1)
    line = session.scalar(query)
    if line is None:
        return None
    payload = dict(line.payload)
    first = [
        Fault(**{**said, "kind": FaultKind(said["kind"]), "used_by": tuple(said["used_by"])})
        for said in payload.pop("first")
    ]
    return Finding(at=line.at, by=line.actor, first=first, **payload)
