"""Withdrawing a version: it is not taken unless it is named by its number, and nothing is lost."""

from sqlalchemy.orm import Session

from sdxl_reg.catalog.artifacts import aliases_of, ready_with, version_ref
from sdxl_reg.catalog.audit import note
from sdxl_reg.errors import Conflict
from sdxl_reg.tables import ArtifactVersion
from sdxl_reg.vocabulary import VersionState

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
