"""The versions of an artifact in pages, with all that is told of them, however many there are."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from sdxl_reg.catalog.artifacts import TO_BE_SEEN
from sdxl_reg.catalog.paging import Page, Slice, page_of
from sdxl_reg.catalog.portions import portions
from sdxl_reg.tables import Artifact, ArtifactAlias, ArtifactFile, ArtifactVersion, FileHash
from sdxl_reg.vocabulary import VersionState


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What stands around some versions; their files, bases and artifacts are loaded with it.

    Attributes:
        aliases: Row of a version → names that point at it, in order.
        hashes: Row of a blob → algorithm → value: what other programs know it by.
    """

    aliases: Mapping[int, Sequence[str]] = field(default_factory=dict)
    hashes: Mapping[int, Mapping[str, str]] = field(default_factory=dict)


def versions_page(session: Session, artifact: Artifact, part: Slice) -> Page[ArtifactVersion]:
    """Some of the versions of an artifact, withdrawn ones too, newest first.

    Args:
        session: The transaction.
        artifact: The artifact.
        part: Which of them.

    Raises:
        InvalidValue: The cursor is none of ours.
    """
    query = select(ArtifactVersion).where(
        ArtifactVersion.artifact_id == artifact.id, ArtifactVersion.state.in_(TO_BE_SEEN)
    )
    return page_of(session, query, ArtifactVersion.version, part, newest_first=True)


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


def surroundings_of(session: Session, versions: Iterable[ArtifactVersion]) -> Surroundings:
    """What stands around some versions, read for all of them at once.

    Args:
        session: The transaction.
        versions: At most a page of them.
    """
    rows = [version.id for version in versions]
    aliases: dict[int, list[str]] = defaultdict(list)
    hashes: dict[int, dict[str, str]] = defaultdict(dict)
    for some in portions(rows):
        loaded = session.scalars(_LOADED, {"ids": some}).all()
        for name, version in session.execute(_ALIASES, {"ids": some}):
            aliases[version].append(name)
        blobs = [file.blob_id for version in loaded for file in version.files]
        for several in portions(blobs):
            for found in session.scalars(_HASHES, {"ids": several}):
                hashes[found.blob_id][found.algorithm] = found.value
    return Surroundings(aliases=aliases, hashes=hashes)


_LOADED = (
    select(ArtifactVersion)
    .where(ArtifactVersion.id.in_(bindparam("ids", expanding=True)))
    .options(
        joinedload(ArtifactVersion.artifact),
        joinedload(ArtifactVersion.base).joinedload(ArtifactVersion.artifact),
        selectinload(ArtifactVersion.files).joinedload(ArtifactFile.blob),
    )
)
_ALIASES = (
    select(ArtifactAlias.name, ArtifactAlias.version_id)
    .where(ArtifactAlias.version_id.in_(bindparam("ids", expanding=True)))
    .order_by(ArtifactAlias.name)
)
_HASHES = (
    select(FileHash)
    .where(FileHash.blob_id.in_(bindparam("ids", expanding=True)))
    .order_by(FileHash.algorithm)
)
