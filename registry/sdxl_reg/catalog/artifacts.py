"""Artifacts: finding versions, adding them with their lineage, aliases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, contains_eager

from sdxl_reg.catalog.audit import note
from sdxl_reg.catalog.blobs import digest_of, recorded, rescan
from sdxl_reg.catalog.lineage import new_node, record_output
from sdxl_reg.catalog.list_filters import ARTIFACT_FIELDS, filtered
from sdxl_reg.catalog.paging import Page, Slice, page_of
from sdxl_reg.catalog.references import MAIN, Reference, checked_name, parse_reference
from sdxl_reg.errors import Conflict, InvalidValue, NotFound
from sdxl_reg.imaging.names import name_key
from sdxl_reg.store.blobs import BlobStore, StoredBlob
from sdxl_reg.tables import (
    Artifact,
    ArtifactAlias,
    ArtifactFile,
    ArtifactVersion,
    BlobScan,
    FileHash,
)
from sdxl_reg.tables.base import now
from sdxl_reg.vocabulary import ArtifactKind, BaseFormat, Chooser, NodeKind, VersionState

SDXL, REFINER = "sdxl", "sdxl-refiner"
"""Families of checkpoints."""


TO_BE_SEEN = (VersionState.READY, VersionState.YANKED)
"""States of versions that are there: offered, or withdrawn."""


_NAMED = 20
_NUMBERED = (
    select(ArtifactVersion)
    .join(ArtifactVersion.artifact)
    .options(contains_eager(ArtifactVersion.artifact))
    .where(
        Artifact.name_key == bindparam("key"),
        ArtifactVersion.version == bindparam("version"),
        ArtifactVersion.state.in_(TO_BE_SEEN),
    )
)


@dataclass(frozen=True, kw_only=True)
class NewVersion:
    """What is to become a version.

    Attributes:
        files: Relative path → what the store computed of its bytes.
        run_id: The run that made it; none for an import.
        base_version_id: The checkpoint it was trained on.
        trainer: The plugin that applies it.
        format: How a checkpoint lies on disk.
        family: What it is one of; `sdxl-refiner` only ends pictures.
        epoch: Epochs done.
        step: Optimiser steps done.
        loss: Mean training loss since the version before.
        hashes: Algorithm → value, by which other programs know the file.
        details: Anything worth keeping: trigger words, settings in effect.
    """

    files: Mapping[str, StoredBlob]
    run_id: int | None = None
    base_version_id: int | None = None
    trainer: str | None = None
    format: BaseFormat | None = None
    family: str = SDXL
    epoch: int | None = None
    step: int | None = None
    loss: float | None = None
    hashes: Mapping[str, str] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)


def artifacts(session: Session) -> Sequence[Artifact]:
    """Every artifact, by name."""
    return session.scalars(select(Artifact).order_by(Artifact.name_key)).all()


def artifacts_page(session: Session, part: Slice) -> Page[Artifact]:
    """Some of the artifacts, by name.

    Args:
        session: The transaction.
        part: Which of them; its filter knows `ARTIFACT_FIELDS`.

    Raises:
        InvalidValue: The cursor or the filter is none of ours.
        UnknownName: The filter asks for another field.
    """
    query = select(Artifact).where(filtered(part.filter, ARTIFACT_FIELDS, name="name"))
    return page_of(session, query, Artifact.name_key, part)


def find_artifact(session: Session, name: str) -> Artifact:
    """The artifact of a name.

    Raises:
        NotFound: There is none; near names are given.
    """
    artifact = _named(session, name)
    if artifact is None:
        raise NotFound("artifact", name, session.scalars(select(Artifact.name)))
    return artifact


def find_version(session: Session, reference: str) -> ArtifactVersion:
    """The version a reference means; without number or alias, the newest that is ready.

    A yanked version is only meant by its number: what was made with it can be made again.

    Raises:
        NotFound: No such artifact, version or alias.
    """
    wanted = parse_reference(reference)
    if wanted.version is not None:
        values = {"key": name_key(wanted.name), "version": wanted.version}
        if (version := session.scalar(_NUMBERED, values)) is not None:
            return version
    artifact = find_artifact(session, wanted.name)
    found = _version_of(session, artifact, wanted)
    if found is None:
        known = _some_versions(session, artifact)
        known += [alias.name for alias in aliases_of(session, artifact)]
        raise NotFound(
            "version",
            reference,
            remedy=f"{artifact.name} has: {', '.join(known)}" if known else "It has no version yet",
        )
    return found


def versions_of(
    session: Session, artifact: Artifact, *, yanked: bool = False
) -> Sequence[ArtifactVersion]:
    """The ready versions of an artifact, oldest first.

    Args:
        session: The transaction.
        artifact: The artifact.
        yanked: Whether those too that were withdrawn.
    """
    states = TO_BE_SEEN if yanked else (VersionState.READY,)
    return session.scalars(
        select(ArtifactVersion)
        .where(ArtifactVersion.artifact_id == artifact.id, ArtifactVersion.state.in_(states))
        .order_by(ArtifactVersion.version)
    ).all()


def aliases_of(session: Session, artifact: Artifact) -> Sequence[ArtifactAlias]:
    """The aliases of an artifact, by name."""
    return session.scalars(
        select(ArtifactAlias)
        .where(ArtifactAlias.artifact_id == artifact.id)
        .order_by(ArtifactAlias.name)
    ).all()


def find_alias(session: Session, name: str, alias: str) -> ArtifactAlias:
    """An alias of the artifact of a name.

    Raises:
        NotFound: No such artifact or alias.
    """
    artifact = find_artifact(session, name)
    found = session.get(ArtifactAlias, (artifact.id, alias))
    if found is None:
        known = [one.name for one in aliases_of(session, artifact)]
        raise NotFound(f"alias of {artifact.name}", alias, known)
    return found


def weights_of(version: ArtifactVersion) -> ArtifactFile:
    """The file of a version that holds its weights; a base's configuration lies in folders."""
    return next(file for file in version.files if "/" not in file.path)


def file_of(version: ArtifactVersion, path: str) -> ArtifactFile:
    """The file of a version at a path.

    Raises:
        NotFound: It has no such file.
    """
    files = {file.path: file for file in version.files}
    if path not in files:
        raise NotFound(f"file of {version_ref(version)}", path, files)
    return files[path]


def usable_name(session: Session, name: str, kind: ArtifactKind) -> str:
    """The name under which an artifact of a kind is kept, or can be; nothing is recorded.

    Raises:
        InvalidValue: It cannot be a name.
        Conflict: It is taken by an artifact of another kind.
    """
    artifact = _named(session, name)
    if artifact is None:
        return checked_name(name)
    if artifact.kind != kind:
        raise Conflict(
            f"{artifact.name!r} is a {artifact.kind}, not a {kind}",
            remedy="Choose another name with --name",
        )
    return artifact.name


def ensure_artifact(
    session: Session, name: str, kind: ArtifactKind, *, project: str = MAIN
) -> Artifact:
    """The artifact of a name, made now in a project when there is none; raises as `usable_name`."""
    usable = usable_name(session, name, kind)
    artifact = _named(session, usable)
    if artifact is None:
        artifact = Artifact(
            kind=kind, project=project, name=usable, name_key=name_key(usable), next_version=1
        )
        try:
            with session.begin_nested():
                session.add(artifact)
        except IntegrityError:  # another writer was first, or it is hidden from who asks
            return _made_meanwhile(session, usable, kind)
    return artifact


def add_version(session: Session, artifact: Artifact, new: NewVersion) -> ArtifactVersion:
    """Make files a ready version, with its lineage, in the present transaction.

    Returns:
        The version; the one that is already there when an artifact has these very bytes.
    """
    digest = digest_of({path: stored.sha256 for path, stored in new.files.items()})
    session.refresh(artifact, ["next_version"], with_for_update=True)  # others wait here
    version = ready_with(session, artifact, digest)
    if version is None:
        version = _insert_version(session, artifact, new, digest)
        note(session, "version.ready", version_ref(version), digest=digest)
    if new.run_id is not None:
        record_output(session, new.run_id, version.node_id, "version")
    return version


def scan_files(session: Session, store: BlobStore, version: ArtifactVersion) -> ArtifactVersion:
    """Scan those files of a version that nobody has scanned, and keep what came of it.

    Args:
        session: The transaction.
        store: Holds the bytes.
        version: The version, which is returned.

    Raises:
        NotFound: The store does not hold them.
    """
    for file in version.files:
        if session.get(BlobScan, file.blob_id) is None:
            rescan(session, store, file.blob, file.path)
    return version


def set_alias(
    session: Session,
    version: ArtifactVersion,
    name: str,
    *,
    strength: float | None = None,
    reason: str = "",
    chosen_by: Chooser = Chooser.PERSON,
) -> ArtifactAlias:
    """Point an alias at a version, wherever it pointed before.

    Raises:
        InvalidValue: The alias is a number, which would hide a version.
    """
    if name.isdigit():
        raise InvalidValue("not a usable alias", name, remedy="Numbers are versions; use a word")
    alias = session.get(ArtifactAlias, (version.artifact_id, checked_name(name)))
    if alias is None:
        alias = ArtifactAlias(artifact_id=version.artifact_id, name=checked_name(name))
        session.add(alias)
    alias.version_id = version.id
    alias.strength = strength
    alias.reason = reason
    alias.chosen_by = chosen_by
    alias.moved_at = now()
    session.flush()
    note(session, "alias.moved", f"{version.artifact.name}@{name}", version=version.version)
    return alias


def version_ref(version: ArtifactVersion) -> str:
    """How users write a version: `weipin-lora@3`."""
    return str(Reference(name=version.artifact.name, version=version.version))


def _made_meanwhile(session: Session, name: str, kind: ArtifactKind) -> Artifact:
    usable_name(session, name, kind)
    artifact = _named(session, name)
    if artifact is None:
        raise Conflict(f"the name {name!r} is taken in another project", remedy="Choose another")
    return artifact


def _named(session: Session, name: str) -> Artifact | None:
    return session.scalar(select(Artifact).where(Artifact.name_key == name_key(name)))


def _version_of(session: Session, artifact: Artifact, wanted: Reference) -> ArtifactVersion | None:
    states = (VersionState.READY,) if wanted.version is None else TO_BE_SEEN
    query = select(ArtifactVersion).where(
        ArtifactVersion.artifact_id == artifact.id, ArtifactVersion.state.in_(states)
    )
    if wanted.version is not None:
        query = query.where(ArtifactVersion.version == wanted.version)
    elif wanted.alias is not None:
        query = query.join(ArtifactAlias, ArtifactAlias.version_id == ArtifactVersion.id).where(
            ArtifactAlias.name == wanted.alias
        )
    return session.scalar(query.order_by(ArtifactVersion.version.desc()).limit(1))


def _some_versions(session: Session, artifact: Artifact) -> list[str]:
    """The newest ready versions in words; those before them are counted, not named."""
    numbers = session.scalars(
        select(ArtifactVersion.version)
        .where(
            ArtifactVersion.artifact_id == artifact.id, ArtifactVersion.state == VersionState.READY
        )
        .order_by(ArtifactVersion.version.desc())
        .limit(_NAMED + 1)
    ).all()
    older = [f"older ones before {numbers[_NAMED - 1]}"] if len(numbers) > _NAMED else []
    return older + [str(number) for number in reversed(numbers[:_NAMED])]


def ready_with(session: Session, artifact: Artifact, digest: str) -> ArtifactVersion | None:
    """The ready version of an artifact that has some bytes, if any.

    Args:
        session: The transaction.
        artifact: The artifact.
        digest: Of the version, as `blobs.digest_of` says it.
    """
    return session.scalar(
        select(ArtifactVersion).where(
            ArtifactVersion.artifact_id == artifact.id,
            ArtifactVersion.digest == digest,
            ArtifactVersion.state == VersionState.READY,
        )
    )


def _insert_version(
    session: Session, artifact: Artifact, new: NewVersion, digest: str
) -> ArtifactVersion:
    version = ArtifactVersion(
        node_id=new_node(session, NodeKind.ARTIFACT, artifact.project).id,
        artifact=artifact,
        version=artifact.next_version,
        state=VersionState.READY,
        digest=digest,
        base_version_id=new.base_version_id,
        run_id=new.run_id,
        trainer=new.trainer,
        format=new.format,
        family=new.family,
        epoch=new.epoch,
        step=new.step,
        loss=new.loss,
        details=new.details,
    )
    artifact.next_version += 1
    session.add(version)
    session.flush()
    for path, stored in new.files.items():
        blob = recorded(session, stored)
        session.add(ArtifactFile(version_id=version.id, path=path, blob=blob))
        _record_hashes(session, blob.id, new.hashes)
    session.flush()
    session.refresh(version, ["files"])
    return version


def _record_hashes(session: Session, blob_id: int, hashes: Mapping[str, str]) -> None:
    for algorithm, value in hashes.items():
        known = session.scalar(
            select(FileHash.id).where(FileHash.blob_id == blob_id, FileHash.algorithm == algorithm)
        )
        if known is None:
            session.add(FileHash(blob_id=blob_id, algorithm=algorithm, value=value))
