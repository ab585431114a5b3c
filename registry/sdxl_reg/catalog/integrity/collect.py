"""Garbage: bytes that nothing needs any more, and removing them after a time of grace.

What is written is on the disk before the row that names it, so young bytes without a row are no
garbage. Whoever puts bytes that are there already makes them young again, and a blob of which the
row is gone is only removed if it is still old then: a writer and a collection at the same time
never leave a row without bytes.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import timedelta

from sqlalchemy import JSON, ColumnElement, Engine, Text, and_, cast, delete, exists, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from sdxl_reg.catalog.audit import note
from sdxl_reg.catalog.integrity.bytes import recorded_among, unrecorded
from sdxl_reg.catalog.integrity.faults import Advance
from sdxl_reg.catalog.portions import portions
from sdxl_reg.store.blobs import DIGEST, BlobStore, digest_at
from sdxl_reg.store.database import reading, transaction
from sdxl_reg.tables import Base, Blob, BlobScan, FileHash, now

_TOLD_OF_BLOBS = (BlobScan, FileHash)  # rows that go with their blob
Garbage = Mapping[str, int]
"""SHA-256 → bytes, of what nothing needs."""


def garbage(engine: Engine, store: BlobStore, grace: timedelta) -> Garbage:
    """What a collection would remove; nothing is changed.

    Args:
        engine: The database.
        store: Holds the bytes.
        grace: What is younger stays.
    """
    with reading(engine) as session:
        query = select(Blob.sha256, Blob.size_bytes).where(_unneeded(grace)).order_by(Blob.id)
        found = dict(session.execute(query).all())
        since = (now() - grace).timestamp()
        for path in unrecorded(session, store):
            facts = path.lstat()
            if facts.st_mtime < since:
                found[digest_at(path)] = facts.st_size
        mentioned = _mentioned(session, found.keys())
    return {digest: size for digest, size in found.items() if digest not in mentioned}


def collect(
    engine: Engine, store: BlobStore, found: Garbage, grace: timedelta, advance: Advance
) -> Garbage:
    """Remove garbage; what has come to be needed meanwhile stays.

    Args:
        engine: The database.
        store: Holds the bytes.
        found: What to remove.
        grace: As it was found with.
        advance: Told after some hundred.

    Returns:
        What was removed.
    """
    removed: dict[str, int] = {}
    done = 0
    for some in portions(found):
        for digest in _without_row(engine, some, grace):
            store.discard(digest, older_than_s=grace.total_seconds())
            if not store.has(digest):
                removed[digest] = found[digest]
        done += len(some)
        advance(done, len(found), "removing")
    if removed:
        with transaction(engine) as session:
            freed = sum(removed.values())
            note(session, "registry.collected", "registry", blobs=len(removed), bytes=freed)
    return removed


def _without_row(engine: Engine, digests: Sequence[str], grace: timedelta) -> list[str]:
    """Those of some digests that have no row, after rows that nothing refers to are gone."""
    named = Blob.sha256.in_(digests)
    try:
        with transaction(engine) as session:
            query = select(Blob.sha256, Blob.id).where(named, _unneeded(grace)).with_for_update()
            rows = dict(session.execute(query).all())
            mentioned = _mentioned(session, rows.keys())
            numbers = [number for digest, number in rows.items() if digest not in mentioned]
            for table in _TOLD_OF_BLOBS:
                session.execute(delete(table).where(table.blob_id.in_(numbers)))
            session.execute(delete(Blob).where(Blob.id.in_(numbers)))
    except IntegrityError:
        pass  # one of them has just come to be needed; the next collection takes the others
    with reading(engine) as session:
        recorded = recorded_among(session, digests)
    return [digest for digest in digests if digest not in recorded]


def _mentioned(session: Session, digests: AbstractSet[str]) -> set[str]:
    """Those of some digests that a document names: a picture to start from, a preview."""
    found: set[str] = set()
    if not digests:
        return found
    for table in Base.metadata.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, JSON):
                rows = session.execute(select(cast(column, Text)).where(column.is_not(None)))
                for (document,) in rows.yield_per(1000):
                    found |= digests & set(DIGEST.findall(document))
    return found


def _unneeded(grace: timedelta) -> ColumnElement[bool]:
    """Whether no row of any table refers to a blob, what is told of its bytes aside."""
    references = [
        key.parent
        for table in Base.metadata.sorted_tables
        if table not in [told.__table__ for told in _TOLD_OF_BLOBS]
        for key in table.foreign_keys
        if key.column.table is Blob.__table__
    ]
    unused = (~exists().where(column == Blob.id) for column in references)
    return and_(Blob.created_at < now() - grace, *unused)
