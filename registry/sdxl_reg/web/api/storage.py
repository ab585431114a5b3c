"""Storage: how much is kept, whether it is whole, and removing what nothing needs."""

from fastapi import APIRouter

from sdxl_reg.catalog.integrity.collect import garbage
from sdxl_reg.web.dependencies import RegistryOf, SessionOf
from sdxl_reg.web.identity import KeeperOf
from sdxl_reg.web.schemas.storage import (
    CheckBody,
    CheckDocument,
    CollectBody,
    CollectionDocument,
    StorageDocument,
    amount,
    check_document,
)
from sdxl_reg.web.storage import storage_document
from sdxl_reg.web.upkeep import UpkeepOf

router = APIRouter(prefix="/storage", tags=["storage"])

_PATIENCE_S = 20.0


@router.get("", summary="How much is kept, and how it is")
def kept(
    session: SessionOf, registry: RegistryOf, upkeep: UpkeepOf, _: KeeperOf
) -> StorageDocument:
    """Bytes by kind, what a collection would remove, and what the last check found.

    For admins of the registry.
    """
    return storage_document(session, registry, upkeep)


@router.post("/check", summary="Compare rows with bytes")
def check(upkeep: UpkeepOf, keeper: KeeperOf, body: CheckBody) -> CheckDocument:
    """Nothing is mended. A deep check, or a long one, goes on by itself: ask `/storage` for it."""
    patience_s = 0.0 if body.deep else _PATIENCE_S
    return check_document(upkeep.check(by=keeper, is_deep=body.deep, wait_s=patience_s))


@router.post("/collect", summary="Remove what nothing needs")
def collect(
    registry: RegistryOf, upkeep: UpkeepOf, _: KeeperOf, body: CollectBody
) -> CollectionDocument:
    """Only says what would be removed, unless `dry_run` is false."""
    if body.dry_run:
        found = garbage(registry.engine, registry.store, body.grace)
        return CollectionDocument(dry_run=True, found=amount(found), removed=amount({}))
    found, removed = upkeep.collect(body.grace)
    return CollectionDocument(dry_run=False, found=amount(found), removed=amount(removed))
