"""What a route takes: a role, in the project of what its address names.

Reading takes none: what a viewer may not read is not there for them. Where nobody has to sign in,
everything is allowed.
"""

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import Depends, Request
from sqlalchemy import select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.access.visibility import present_viewer, shown_to
from sdxl_reg.catalog.artifacts import find_artifact
from sdxl_reg.catalog.generations import find_generation
from sdxl_reg.catalog.grids import find_grid
from sdxl_reg.catalog.images import find_image_set, numbered_member
from sdxl_reg.catalog.runs import find_run
from sdxl_reg.errors import NotFound
from sdxl_reg.tables import ImageSet, MemberTag, Tag, TagClosure
from sdxl_reg.vocabulary import Role
from sdxl_reg.web.dependencies import SessionOf

Subject = Callable[[Session, Mapping[str, Any]], str]
"""From what an address names to the project that it belongs to."""


def of_image_set(session: Session, values: Mapping[str, Any]) -> str:
    """The project of the image set `{name}`."""
    return find_image_set(session, values["name"]).project


def of_member(session: Session, values: Mapping[str, Any]) -> str:
    """The project of the member `{member}`."""
    return numbered_member(session, _number(values["member"], "member")).image_set.project


def of_artifact(session: Session, values: Mapping[str, Any]) -> str:
    """The project of the artifact `{name}`."""
    return find_artifact(session, values["name"]).project


def of_grid(session: Session, values: Mapping[str, Any]) -> str:
    """The project of the grid `{grid_id}`."""
    return find_grid(session, _number(values["grid_id"], "grid")).artifact.project


def of_generation(session: Session, values: Mapping[str, Any]) -> str:
    """The project of the generation `{generation_id}`."""
    number = _number(values["generation_id"], "generation")
    return find_run(session, find_generation(session, number).run_id).project


def of_run(session: Session, values: Mapping[str, Any]) -> str:
    """The project of the run `{run_id}`."""
    return find_run(session, _number(values["run_id"], "run")).project


def of_project(_: Session, values: Mapping[str, Any]) -> str:
    """The project `{project}` itself."""
    return str(values["project"])


def needs(role: Role, of: Subject | None = None) -> Any:
    """A dependency that lets in who has a role, or a higher one.

    Args:
        role: It.
        of: Finds the project in which it is needed; None: any project will do, and the work itself
            looks at which.
    """

    def check(request: Request, session: SessionOf) -> None:
        viewer = present_viewer()
        if viewer is None:
            return
        if of is None:
            viewer.require_somewhere(role)
        else:
            viewer.require(role, of(session, request.path_params))

    return Depends(check)


def may(role: Role, project: str) -> bool:
    """Whether the viewer has a role, or a higher one, in a project: what pages offer."""
    viewer = present_viewer()
    found = viewer.role_in(project) if viewer is not None else Role.ADMIN
    return found is not None and found.includes(role)


def require_writer_of_tag(session: Session, path: str) -> None:
    """Refuse to edit a tag that members of projects carry in which the viewer is no writer.

    The tree of tags is one for all projects.

    Raises:
        NotAllowed: There is such a project.
    """
    viewer = present_viewer()
    if viewer is None:
        return
    below = select(TagClosure.descendant_id).join(Tag, Tag.id == TagClosure.ancestor_id)
    carrying = (
        select(ImageSet.project)
        .join(MemberTag, MemberTag.image_set_id == ImageSet.id)
        .where(MemberTag.tag_id.in_(below.where(Tag.path == path)))
        .distinct()
    )
    with shown_to(None):
        projects = session.scalars(carrying).all()
    for project in projects:
        viewer.require(Role.WRITER, project)


def _number(text: str, noun: str) -> int:
    if not text.isdecimal() or len(text) > 18:
        raise NotFound(noun, text)
    return int(text)
