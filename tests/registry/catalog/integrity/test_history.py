"""What the last check found is remembered."""

from dataclasses import replace

from sqlalchemy import Engine, select

from sdxl_reg.catalog.audit import acting_as
from sdxl_reg.catalog.integrity.faults import Fault, FaultKind, IntegrityReport
from sdxl_reg.catalog.integrity.history import finding_of, keep_finding, last_finding
from sdxl_reg.store.database import reading
from sdxl_reg.tables import EventLog

LOST = Fault(kind=FaultKind.MISSING, subject="8c2f", message="It is not there", used_by=("w/1",))
DAMAGED = Fault(kind=FaultKind.DATABASE, subject="database", message="malformed")
REPORT = IntegrityReport(
    verified=11, faults=(LOST,), unrecorded=2, unrecorded_bytes=30, strays=("x",)
)


def test_a_finding_comes_back_as_it_was(engine: Engine) -> None:
    with reading(engine) as session:
        assert last_finding(session) is None
    found = finding_of(REPORT, by="anna", is_deep=True, seconds=1.234)
    with acting_as("anna"):
        keep_finding(engine, found)
    with reading(engine) as session:
        kept = last_finding(session)
    assert kept is not None
    assert replace(kept, at=found.at) == found
    assert (kept.faults, kept.first, kept.seconds, kept.strays) == (1, [LOST], 1.2, 1)
    assert abs(kept.at - found.at).total_seconds() < 60


def test_the_newest_counts_and_of_many_faults_the_first_are_told(engine: Engine) -> None:
    keep_finding(engine, finding_of(REPORT, by="", is_deep=True, seconds=1))
    many = replace(REPORT, faults=(LOST,) * 30)
    keep_finding(engine, finding_of(many, by="", is_deep=False, seconds=1))
    with reading(engine) as session:
        kept = last_finding(session)
    assert kept is not None
    assert (kept.is_deep, kept.faults, len(kept.first)) == (False, 30, 20)


def test_nothing_is_written_into_a_damaged_database(engine: Engine) -> None:
    damaged = replace(REPORT, faults=(LOST,) * 30 + (DAMAGED,))
    found = finding_of(damaged, by="", is_deep=True, seconds=1)
    assert found.first[0] == DAMAGED
    keep_finding(engine, found)
    with reading(engine) as session:
        assert session.scalars(select(EventLog)).all() == []
