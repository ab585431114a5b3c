"""Documents of what a registry keeps, of checks and of collections."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal

from pydantic import Field

from sdxl_reg.catalog.integrity.collect import Garbage
from sdxl_reg.catalog.integrity.faults import FaultKind
from sdxl_reg.catalog.integrity.history import Finding
from sdxl_reg.catalog.integrity.kept import Kept
from sdxl_reg.web.schemas.base import Document
from sdxl_reg.web.upkeep import Looking

USUAL_GRACE_DAYS = 14.0


class KeptItem(Document):
    """Files of one kind."""

    files: int
    bytes: int
    is_all: bool = Field(description="False where counting took too long: at least so many.")


class Amount(Document):
    """Some blobs."""

    blobs: int
    bytes: int


class FaultItem(Document):
    """Something that is wrong."""

    kind: FaultKind
    subject: str = Field(description="A digest, a set, a tag, a version.")
    message: str
    used_by: list[str] = Field(description="The first few things that need it.")


class CheckDocument(Document):
    """A check: what it found, or how far it is."""

    state: Literal["running", "done", "failed"]
    deep: bool = Field(description="Whether every byte is read, and not only lengths compared.")
    at: datetime = Field(description="When it ended; when it began while it is running.")
    by: str = Field(description="Who asked for it; empty where that is not known.")
    done: int = Field(description="Blobs that were looked at.")
    total: int = Field(description="Blobs there are; 0 until they are counted.")
    error: str = Field(description="Why it failed; empty otherwise.")
    seconds: float | None = Field(description="How long it took; null until it has ended.")
    verified: int | None = Field(description="Blobs that are as recorded; null until it has ended.")
    faults: int | None = Field(description="How much is wrong; null until it has ended.")
    first: list[FaultItem] = Field(description="The first few of the faults.")
    unrecorded: Amount | None = Field(description="Files of the store that no row names.")
    strays: int | None = Field(description="What lies in the store and is no blob.")


class StorageDocument(Document):
    """What a registry keeps, and how it is."""

    blobs: KeptItem = Field(description="Those with a row; linked pictures too.")
    thumbnails: KeptItem
    cache: KeptItem
    runs: KeptItem
    free_bytes: int = Field(description="What still fits on the disk of the blobs.")
    garbage: Amount | None = Field(
        description="What a collection would remove; null in a large registry: ask for it with "
        "`dry_run`."
    )
    check: CheckDocument | None = Field(description="The last one; null before the first.")


class CheckBody(Document):
    """Which check."""

    deep: bool = Field(default=False, description="Read every byte: in the background.")


class CollectBody(Document):
    """Which collection."""

    dry_run: bool = Field(default=True, description="Only say what would be removed.")
    grace_days: float = Field(
        default=USUAL_GRACE_DAYS, ge=1, le=36_500, description="What is younger stays."
    )

    @property
    def grace(self) -> timedelta:
        """What is younger stays."""
        return timedelta(days=self.grace_days)


class CollectionDocument(Document):
    """What a collection found and removed."""

    dry_run: bool
    found: Amount
    removed: Amount


def kept_items(kept: Mapping[str, Kept]) -> dict[str, KeptItem]:
    """Kind → its files."""
    return {
        name: KeptItem(files=one.files, bytes=one.size_bytes, is_all=one.is_all)
        for name, one in kept.items()
    }


def amount(garbage: Garbage) -> Amount:
    """How much garbage there is."""
    return Amount(blobs=len(garbage), bytes=sum(garbage.values()))


def check_document(found: Looking | Finding) -> CheckDocument:
    """A check, going on or done."""
    if isinstance(found, Looking):
        return CheckDocument(
            state="failed" if found.error else "running",
            deep=found.is_deep,
            at=found.since,
            by=found.by,
            done=found.done,
            total=found.total,
            error=found.error,
            seconds=None,
            verified=None,
            faults=None,
            first=[],
            unrecorded=None,
            strays=None,
        )
    return CheckDocument(
        state="done",
        deep=found.is_deep,
        at=found.at,
        by=found.by,
        done=found.verified,
        total=found.verified,
        error="",
        seconds=found.seconds,
        verified=found.verified,
        faults=found.faults,
        first=[
            FaultItem(
                kind=fault.kind,
                subject=fault.subject,
                message=fault.message,
                used_by=list(fault.used_by),
            )
            for fault in found.first
        ],
        unrecorded=Amount(blobs=found.unrecorded, bytes=found.unrecorded_bytes),
        strays=found.strays,
    )
