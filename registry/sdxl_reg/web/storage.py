"""What the page and the API tell of a registry's storage."""

from datetime import timedelta

from sqlalchemy.orm import Session

from sdxl_reg.catalog.integrity.collect import garbage
from sdxl_reg.catalog.integrity.history import last_finding
from sdxl_reg.catalog.integrity.kept import folders_beside, free_bytes, recorded_blobs
from sdxl_reg.web.dependencies import Registry
from sdxl_reg.web.schemas.storage import (
    USUAL_GRACE_DAYS,
    Amount,
    CheckDocument,
    StorageDocument,
    amount,
    check_document,
    kept_items,
)
from sdxl_reg.web.upkeep import Looking, Upkeep

AT_ONCE = 20_000
"""Of a registry with no more blobs, garbage is looked for whenever somebody looks."""
_COUNTED_FOR_S = 1.5


def storage_document(session: Session, registry: Registry, upkeep: Upkeep) -> StorageDocument:
    """What a registry keeps, what of it is garbage, and what the last check found."""
    blobs = recorded_blobs(session)
    kept = {"blobs": blobs, **folders_beside(registry.settings, within_s=_COUNTED_FOR_S)}
    return StorageDocument(
        **kept_items(kept),
        free_bytes=free_bytes(registry.store.root),
        garbage=_garbage(registry) if blobs.files <= AT_ONCE else None,
        check=_last_check(session, upkeep),
    )


def _garbage(registry: Registry) -> Amount:
    return amount(garbage(registry.engine, registry.store, timedelta(days=USUAL_GRACE_DAYS)))


def _last_check(session: Session, upkeep: Upkeep) -> CheckDocument | None:
    """That of this server, or one of another process that came after it."""
    here, recorded = upkeep.present(), last_finding(session)
    if here is None or recorded is None:
        found = here or recorded
        return check_document(found) if found else None
    since = here.since if isinstance(here, Looking) else here.at
    return check_document(here if since >= recorded.at else recorded)
