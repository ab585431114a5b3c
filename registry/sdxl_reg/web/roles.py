"""What a route takes: a role, in the project of what its address names.

Reading takes none: what a viewer may not read is not there for them. Where nobody has to sign in,
everything is allowed.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import Depends, Query, Request
from sqlalchemy import select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.access.visibility import present_viewer, shown_to
from sdxl_reg.catalog.artifacts import find_artifact
from sdxl_reg.catalog.generations import find_generation
from sdxl_reg.catalog.grids import find_grid
from sdxl_reg.catalog.images import find_image_set, numbered_member
from sdxl_reg.catalog.runs import find_run
from sdxl_reg.errors import NotAllowed, NotFound
from sdxl_reg.formats.scans import Scan
from sdxl_reg.tables import Caption, ImageSet, MemberTag, Tag, TagClosure
from sdxl_reg.vocabulary import Role, ScanVerdict
from sdxl_reg.web.dependencies import SessionOf

UnsafeOf = Annotated[
    bool, Query(description="Hand it out even if a scan says that it can run code.")
]
Subject = Callable[[Session, Mapping[str, Any]], str]
"""From what an address names to the project that it belongs to."""


def of_image_set(session: Session, values: Mapping[str, Any]) -> str:
    """The project of the image set `{name}`."""
    return find_image_set(session, values["name"]).project


def of_member(session: Session, values: Mapping[str, Any]) -> str:
    """The project of the member `{member}`."""
    return numbered_member(session, _number(values["member"], "member")).image_set.project


def of_caption(session: Session, values: Mapping[str, Any]) -> str:
    """The project of the set whose member had the caption `{caption_id}`.

    Raises:
        NotFound: There is no such caption.
    """
    number = _number(values["caption_id"], "caption")
    found = session.scalar(select(Caption.member_id).where(Caption.id == number))
    if found is None:
        raise NotFound("caption", str(number), remedy="See: sdxl-reg captions history SET PATH")
    return numbered_member(session, found).image_set.project


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
    """Whether who asks has a role in a project, or a higher one: for what a page offers."""
    viewer = present_viewer()
    found = viewer.role_in(project) if viewer is not None else Role.ADMIN
    return found is not None and found.includes(role)


def may_somewhere(role: Role) -> bool:
    """Whether who asks has a role in any project, or a higher one: for what a page offers."""
    viewer = present_viewer()
    return viewer is None or viewer.projects(role) != frozenset()


def require_safe(found: Scan, *, unsafe: bool, project: str | None) -> None:
    """Refuse to hand out what can run code, unless an admin asks for it by that word.

    Args:
        found: What a scan said of it.
        unsafe: Whether the request says that it wants it so.
        project: Whose it is; None: the registry's.

    Raises:
        NotAllowed: It is unsafe, and the request does not say `unsafe`, or not an admin asks.
    """
    if found.verdict != ScanVerdict.UNSAFE:
        return
    if not unsafe:
        raise NotAllowed(
            f"not handed out, since {found.reason}",
            remedy="An admin can have it with ?unsafe=true, to look at and not to open",
        )
    viewer = present_viewer()
    if viewer is not None and project is not None:
        viewer.require(Role.ADMIN, project)
    elif viewer is not None and not viewer.is_admin:
        raise NotAllowed(f"{viewer.name} is no admin", remedy="Ask an admin of the registry")


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
