"""The versions of an artifact in pages, with all that is told of them, however many there are."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BindParameter, bindparam, func, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from sdxl_reg.catalog.artifacts import TO_BE_SEEN
from sdxl_reg.catalog.blobs import NOT_SCANNED
from sdxl_reg.catalog.list_filters import VERSION_FIELDS, filtered
from sdxl_reg.catalog.paging import Page, Slice, page_of
from sdxl_reg.catalog.portions import portions, steady
from sdxl_reg.catalog.references import Reference
from sdxl_reg.formats.scans import Scan
from sdxl_reg.tables import (
    Artifact,
    ArtifactAlias,
    ArtifactFile,
    ArtifactVersion,
    Blob,
    BlobScan,
    FileHash,
)
from sdxl_reg.vocabulary import VersionState


@dataclass(frozen=True, kw_only=True)
class FileFacts:
    """One file of a version.

    Attributes:
        path: Relative, with /.
        sha256: Of its bytes.
        size_bytes: How many.
        hashes: Algorithm → value: what other programs know it by.
        scan: Whether a program may open it.
    """

    path: str
    sha256: str
    size_bytes: int
    hashes: dict[str, str]
    scan: Scan


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What stands around some versions.

    Attributes:
        aliases: Row of a version → names that point at it, in order.
        files: Row of a version → its files, by path.
        bases: Row of a version that others were trained on → how users write it.
    """

    aliases: Mapping[int, Sequence[str]]
    files: Mapping[int, Sequence[FileFacts]]
    bases: Mapping[int, str]


def versions_page(session: Session, artifact: Artifact, part: Slice) -> Page[ArtifactVersion]:
    """Some of the versions of an artifact, withdrawn ones too, newest first.

    Args:
        session: The transaction.
        artifact: The artifact.
        part: Which of them; its filter knows `VERSION_FIELDS`.

    Raises:
        InvalidValue: The cursor or the filter is none of ours.
        UnknownName: The filter asks for another field.
    """
    query = select(ArtifactVersion).where(
        ArtifactVersion.artifact_id == artifact.id, ArtifactVersion.state.in_(TO_BE_SEEN)
    )
    query = query.where(filtered(part.filter, VERSION_FIELDS, name="sha256"))
    page = page_of(session, query, ArtifactVersion.version, part, newest_first=True)
    for version in page.items:  # otherwise each looks it up by itself
        set_committed_value(version, "artifact", artifact)
    return page


def version_counts(
    session: Session,
    artifacts: Iterable[Artifact],
    *,
    states: Sequence[VersionState] = (VersionState.READY,),
) -> Mapping[int, int]:
    """Row of an artifact → how many versions it has; 0 for those without any.

    Args:
        session: The transaction.
        artifacts: A page of them.
        states: Of the versions that count.
    """
    counts: dict[int, int] = defaultdict(int)
    for some in portions([artifact.id for artifact in artifacts]):
        query = (
            select(ArtifactVersion.artifact_id, func.count())
            .where(ArtifactVersion.artifact_id.in_(some), ArtifactVersion.state.in_(states))
            .group_by(ArtifactVersion.artifact_id)
        )
        counts |= {row[0]: row[1] for row in session.execute(query)}
    return counts


def surroundings_of(session: Session, versions: Sequence[ArtifactVersion]) -> Surroundings:
    """What stands around some versions, read for all of them at once.

    Args:
        session: The transaction.
        versions: At most a page of them.
    """
    rows = [version.id for version in versions]
    aliases: dict[int, list[str]] = defaultdict(list)
    files: dict[int, dict[str, FileFacts]] = defaultdict(dict)
    bases: dict[int, str] = {}
    for some in portions(rows):
        ids = {"ids": steady(some)}
        for name, version in session.execute(_ALIASES, ids):
            aliases[version].append(name)
        for row in session.execute(_FILES, ids):
            facts = FileFacts(
                path=row[1],
                sha256=row[2],
                size_bytes=row[3],
                hashes={},
                scan=Scan(row[6], row[7]) if row[6] else NOT_SCANNED,
            )
            found = files[row[0]].setdefault(facts.path, facts)
            if row[4] is not None:
                found.hashes[row[4]] = row[5]
    for some in portions(sorted({one.base_version_id for one in versions if one.base_version_id})):
        for base, name, number in session.execute(_BASES, {"ids": steady(some)}):
            bases[base] = str(Reference(name=name, version=number))
    return Surroundings(
        aliases=aliases,
        files={version: list(found.values()) for version, found in files.items()},
        bases=bases,
    )


# Statements are made once: making one takes as long as having it answered.
_SOME: BindParameter[Any] = bindparam("ids", expanding=True)
_ALIASES = (
    select(ArtifactAlias.name, ArtifactAlias.version_id)
    .where(ArtifactAlias.version_id.in_(_SOME))
    .order_by(ArtifactAlias.name)
)
_FILES = (
    select(
        ArtifactFile.version_id,
        ArtifactFile.path,
        Blob.sha256,
        Blob.size_bytes,
        FileHash.algorithm,
        FileHash.value,
        BlobScan.verdict,
        BlobScan.reason,
    )
    .join(Blob, Blob.id == ArtifactFile.blob_id)
    .outerjoin(FileHash, FileHash.blob_id == Blob.id)
    .outerjoin(BlobScan, BlobScan.blob_id == Blob.id)
    .where(ArtifactFile.version_id.in_(_SOME))
    .order_by(ArtifactFile.path, FileHash.algorithm)
)
_BASES = (
    select(ArtifactVersion.id, Artifact.name, ArtifactVersion.version)
    .join(Artifact)
    .where(ArtifactVersion.id.in_(_SOME))
)
