"""What can be wrong with a registry."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

Advance = Callable[[int, int, str], None]
"""Told (done, total, what)."""


class FaultKind(StrEnum):
    """What is wrong."""

    MISSING = "missing"  # a row names bytes that are not in the store
    CORRUPT = "corrupt"  # the bytes under a name are others
    DATABASE = "database"  # the database itself is damaged, or rows point at rows that are not
    TAG_TREE = "tag-tree"  # closure or paths of tags are not what the tree says
    LINEAGE = "lineage"  # edges are not what the runs recorded
    COUNTS = "counts"  # counts kept with a set are not what its rows say
    MEMBERS = "members"  # a tag or caption of a member stands in another set or member
    VERSIONS = "versions"  # a frozen version is not what it was when it was frozen


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One thing that is wrong.

    Attributes:
        kind: What.
        subject: A digest, a set, a tag, a version.
        message: A sentence.
        used_by: What cannot be had because of it: the first few, by their references.
    """

    kind: FaultKind
    subject: str
    message: str
    used_by: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class IntegrityReport:
    """What a check found.

    Attributes:
        verified: Blobs that are as they should be.
        faults: What is wrong.
        unrecorded: Files of the store that no row names: of writers that were killed, mostly.
        unrecorded_bytes: Their length.
        strays: What lies in the store and is no blob; nobody touches it.
    """

    verified: int
    faults: tuple[Fault, ...]
    unrecorded: int
    unrecorded_bytes: int
    strays: tuple[str, ...] = ()

    def subjects(self, kind: FaultKind) -> list[str]:
        """What has a kind of fault."""
        return [fault.subject for fault in self.faults if fault.kind == kind]
