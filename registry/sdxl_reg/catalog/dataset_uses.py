"""What was trained on a dataset version."""

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.artifacts import version_ref
from sdxl_reg.tables import Artifact, ArtifactVersion, DatasetVersion, LineageDep

SLOT = "dataset"


def trained_on(session: Session, version: DatasetVersion) -> list[str]:
    """The artifact versions that were trained on a dataset version, as users write them."""
    return trained_on_each(session, [version]).get(version.node_id, [])


def trained_on_each(session: Session, versions: Iterable[DatasetVersion]) -> dict[int, list[str]]:
    """As `trained_on`, for several at once.

    Args:
        session: The transaction.
        versions: The dataset versions.

    Returns:
        Node of a dataset version → references, by name and number; without those that have none.
    """
    query = (
        select(LineageDep.parent_id, ArtifactVersion)
        .join(ArtifactVersion, ArtifactVersion.node_id == LineageDep.child_id)
        .join(Artifact, Artifact.id == ArtifactVersion.artifact_id)
        .where(
            LineageDep.parent_id.in_([version.node_id for version in versions]),
            LineageDep.slot == SLOT,
        )
        .order_by(Artifact.name, ArtifactVersion.version)
    )
    found: dict[int, list[str]] = {}
    for node, made in session.execute(query):
        refs = found.setdefault(node, [])
        if version_ref(made) not in refs:
            refs.append(version_ref(made))
    return found
