"""Withdrawing a version: it is not taken unless it is named by its number, and nothing is lost."""

from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.artifacts import TO_BE_SEEN, aliases_of, ready_with, version_ref
from sdxl_reg.catalog.audit import note
from sdxl_reg.catalog.items import ItemResult, ItemsReport, require_all
from sdxl_reg.catalog.portions import portions
from sdxl_reg.catalog.references import Reference
from sdxl_reg.errors import Conflict, NotFound
from sdxl_reg.tables import Artifact, ArtifactVersion
from sdxl_reg.vocabulary import ItemStatus, VersionState

_REASON = "yanked"  # in a version's details


def yank(session: Session, version: ArtifactVersion, reason: str = "") -> None:
    """Withdraw a version; where it is already, only the reason becomes another.

    Args:
        session: The transaction.
        version: The version.
        reason: Why, for who meets it.

    Raises:
        Conflict: An alias points at it.
    """
    pointing = [
        f"@{alias.name}"
        for alias in aliases_of(session, version.artifact)
        if alias.version_id == version.id
    ]
    if pointing:
        ref, name = version_ref(version), version.artifact.name
        raise Conflict(
            f"{', '.join(pointing)} of {name} is {ref}",
            remedy=f"Point it at another version first: sdxl-reg artifact alias {name}@N "
            f"{pointing[0].removeprefix('@')}",
        )
    version.state = VersionState.YANKED
    version.details = version.details | {_REASON: reason}
    session.flush()
    note(session, "version.yanked", version_ref(version), reason=reason)


def yank_all(
    session: Session,
    artifact: Artifact,
    numbers: Sequence[int],
    *,
    reason: str = "",
    atomic: bool = False,
) -> ItemsReport:
    """Withdraw several versions of an artifact, each as `yank` does.

    Args:
        session: The transaction.
        artifact: The artifact.
        numbers: Of its versions.
        reason: Why, of all of them.
        atomic: Whether nothing is done where one is refused.

    Raises:
        ItemsRefused: One is, and nothing is done.
    """
    found = {
        version.version: version
        for some in portions(sorted(set(numbers)))
        for version in session.scalars(
            select(ArtifactVersion).where(
                ArtifactVersion.artifact_id == artifact.id,
                ArtifactVersion.version.in_(some),
                ArtifactVersion.state.in_(TO_BE_SEEN),
            )
        )
    }
    results = [_yanked(session, artifact, number, found, reason) for number in numbers]
    if atomic:
        require_all(results)
    return ItemsReport(results=results)


def _yanked(
    session: Session,
    artifact: Artifact,
    number: int,
    found: Mapping[int, ArtifactVersion],
    reason: str,
) -> ItemResult:
    version = found.get(number)
    try:
        if version is None:
            reference = str(Reference(name=artifact.name, version=number))
            raise NotFound(
                "version", reference, remedy=f"See: sdxl-reg artifact show {artifact.name}"
            )
        if yanked_because(version) == reason:
            return ItemResult(status=ItemStatus.UNCHANGED, row=number)
        yank(session, version, reason)
    except (NotFound, Conflict) as problem:
        row = number if version else None
        return ItemResult(status=ItemStatus.REFUSED, row=row, problem=problem)
    return ItemResult(status=ItemStatus.WRITTEN, row=number)


def unyank(session: Session, version: ArtifactVersion) -> None:
    """Offer a version again; one that is not yanked stays as it is.

    Args:
        session: The transaction.
        version: The version.

    Raises:
        Conflict: The same bytes are another ready version by now.
    """
    if version.state != VersionState.YANKED:
        return
    same = ready_with(session, version.artifact, version.digest)
    if same is not None:
        raise Conflict(
            f"{version_ref(same)} has the bytes of {version_ref(version)}",
            remedy=f"Use {version_ref(same)}",
        )
    version.state = VersionState.READY
    version.details = {key: said for key, said in version.details.items() if key != _REASON}
    session.flush()
    note(session, "version.unyanked", version_ref(version))


def yanked_because(version: ArtifactVersion) -> str | None:
    """Why a version was withdrawn, empty where nobody said; None for one that is offered."""
    if version.state != VersionState.YANKED:
        return None
    return str(version.details.get(_REASON, ""))
