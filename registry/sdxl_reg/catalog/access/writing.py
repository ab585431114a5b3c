"""Who asks may write where: refused where the work itself has to find out what it writes to."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.access.visibility import present_viewer, shown_to
from sdxl_reg.errors import Conflict
from sdxl_reg.imaging.names import name_key
from sdxl_reg.tables import ImageSet
from sdxl_reg.vocabulary import Role


def require_writer(project: str) -> None:
    """Refuse who may not write in a project.

    Raises:
        NotAllowed: Their role in it is too low.
    """
    viewer = present_viewer()
    if viewer is not None:
        viewer.require(Role.WRITER, project)


def require_writable_set(session: Session, name: str) -> None:
    """Refuse who may not write to the image set of a name; one that is not there is nobody's.

    Names are one for all projects, see decision 25.

    Args:
        session: Knows the sets.
        name: Of the set, in any spelling.

    Raises:
        Conflict: It is in a project that they do not see.
        NotAllowed: They see it, and may not write to it.
    """
    viewer = present_viewer()
    if viewer is None:
        return
    with shown_to(None):
        project = session.scalar(
            select(ImageSet.project).where(ImageSet.name_key == name_key(name))
        )
    if project is None:
        return
    if viewer.role_in(project) is None:
        raise Conflict(
            f"the name {name!r} is taken in another project",
            remedy="Give this one another name: --as NAME",
        )
    viewer.require(Role.WRITER, project)
