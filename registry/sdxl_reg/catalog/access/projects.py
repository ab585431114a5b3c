"""Projects: what there is in each, and moving things from one to another."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from sdxl_reg.catalog.access.visibility import present_viewer
from sdxl_reg.catalog.artifacts import find_artifact
from sdxl_reg.catalog.audit import note
from sdxl_reg.catalog.images import find_image_set
from sdxl_reg.catalog.references import checked_project
from sdxl_reg.errors import InvalidValue
from sdxl_reg.tables import (
    Artifact,
    ArtifactVersion,
    Dataset,
    DatasetVersion,
    Grid,
    ImageSet,
    Node,
    Run,
    User,
    UserRole,
)
from sdxl_reg.vocabulary import Role

_KINDS: Mapping[str, type[ImageSet | Artifact | Run]] = {
    "image_sets": ImageSet,
    "artifacts": Artifact,
    "runs": Run,
}


def projects(session: Session) -> Mapping[str, Mapping[str, int]]:
    """Every project that is seen: how many image sets, artifacts, runs and users it has."""
    counts: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys([*_KINDS, "users"], 0))
    for kind, table in _KINDS.items():
        for name, count in session.execute(
            select(table.project, func.count()).group_by(table.project)
        ):
            counts[name][kind] = count
    for name, count in session.execute(
        select(UserRole.project, func.count()).group_by(UserRole.project)
    ):
        counts[name]["users"] = count
    viewer = present_viewer()
    seen = viewer.projects() if viewer is not None else None
    return {name: counts[name] for name in sorted(counts) if seen is None or name in seen}


def roles_in(session: Session, project: str) -> Mapping[str, Role]:
    """Name of a user → their role in a project."""
    query = select(User.name, UserRole.role).join(User.roles).where(UserRole.project == project)
    return dict(session.execute(query.order_by(User.name)).all())


def move(session: Session, references: Sequence[str], project: str) -> None:
    """Put image sets and artifacts, with the runs of their versions and grids, into a project.

    Args:
        session: The transaction.
        references: `image_set:NAME` or `artifact:NAME`.
        project: Where they go.

    Raises:
        InvalidValue: Another kind of reference, or a name that no project can have.
        NotFound: There is no such image set or artifact.
    """
    usable = checked_project(project)
    for reference in references:
        kind, _, name = reference.partition(":")
        if kind == "image_set":
            image_set = find_image_set(session, name)
            image_set.project = usable
            frozen = select(DatasetVersion.node_id).join(Dataset)
            nodes = [frozen.where(Dataset.image_set_id == image_set.id)]
        elif kind == "artifact":
            artifact = find_artifact(session, name)
            artifact.project = usable
            made_by = select(ArtifactVersion.run_id).where(
                ArtifactVersion.artifact_id == artifact.id, ArtifactVersion.run_id.is_not(None)
            )
            compared_by = select(Grid.run_id).where(Grid.artifact_id == artifact.id)
            runs = or_(Run.id.in_(made_by), Run.id.in_(compared_by))
            session.execute(update(Run).where(runs).values(project=usable))
            nodes = [
                select(table.node_id).where(table.artifact_id == artifact.id)
                for table in (ArtifactVersion, Grid)
            ]
        else:
            raise InvalidValue(
                "cannot be moved", reference, remedy="Give image_set:NAME or artifact:NAME"
            )
        is_moved = or_(*(Node.id.in_(some) for some in nodes))
        session.execute(update(Node).where(is_moved).values(project=usable))
        note(session, "project.moved", reference, project=usable)
