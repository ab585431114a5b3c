"""What somebody who asks may do: their role in each project."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sdxl_reg.catalog.references import MAIN, SHARED
from sdxl_reg.errors import InvalidValue, NotAllowed
from sdxl_reg.tables import Token, User
from sdxl_reg.vocabulary import Role


@dataclass(frozen=True, kw_only=True)
class Viewer:
    """A user who has signed in, as one request sees them.

    Attributes:
        user_id: Their row.
        name: Their name.
        roles: Project → role in it.
        everywhere: A role they have in every project; that of an admin of the registry.
        through: How they have signed in.
    """

    user_id: int
    name: str
    roles: Mapping[str, Role]
    everywhere: Role | None
    through: Literal["password", "token"]

    @property
    def is_admin(self) -> bool:
        """Whether they may say who may do what in the whole registry."""
        return self.everywhere == Role.ADMIN

    def role_in(self, project: str) -> Role | None:
        """Their role in a project; none where it is hidden from them."""
        found = self.roles.get(project)
        if found is None and project == SHARED and self.roles:
            found = Role.READER
        if found is None or (self.everywhere and self.everywhere.includes(found)):
            return self.everywhere
        return found

    def projects(self, least: Role = Role.READER) -> frozenset[str] | None:
        """The projects in which they have a role or a higher one; None for every project."""
        if self.everywhere and self.everywhere.includes(least):
            return None
        own = {project for project, role in self.roles.items() if role.includes(least)}
        return frozenset(own | {SHARED} if self.roles and least == Role.READER else own)

    def require(self, role: Role, project: str) -> None:
        """Refuse what they may not do in a project that they see.

        Raises:
            NotAllowed: Their role is too low.
        """
        found = self.role_in(project)
        if found is None or not found.includes(role):
            raise NotAllowed(
                f"{self.name} is {found or 'nobody'} in project {project!r}, and this takes {role}",
                remedy=f"Ask an admin for it: sdxl-reg user role {self.name} {project} {role}",
            )

    def require_somewhere(self, role: Role) -> None:
        """Refuse who has a role, or a higher one, in no project at all.

        Raises:
            NotAllowed: There is none.
        """
        if self.projects(role) == frozenset():
            raise NotAllowed(
                f"{self.name} is {role} of no project",
                remedy=f"Ask an admin for it: sdxl-reg user role {self.name} PROJECT {role}",
            )

    def project_for(self, wanted: str | None, least: Role) -> str:
        """The project of something new.

        Args:
            wanted: As the request says; None where it does not: then it is `main`, or the only
                project in which they may make it.
            least: The role that making it takes.

        Raises:
            NotAllowed: They may not make it there.
            InvalidValue: The request has to say which of several.
        """
        if wanted is None:
            open_to = self.projects(least)
            if open_to is None or MAIN in open_to:
                return MAIN
            if len(open_to) > 1:
                raise InvalidValue(
                    "project not given", "", remedy=f"Give one of: {', '.join(sorted(open_to))}"
                )
            wanted = next(iter(open_to), MAIN)
        self.require(least, wanted)
        return wanted


def viewer_of(user: User, through: Literal["password", "token"]) -> Viewer:
    """A user as a request sees them, with all their roles."""
    return Viewer(
        user_id=user.id,
        name=user.name,
        roles={found.project: found.role for found in user.roles},
        everywhere=Role.ADMIN if user.is_admin else None,
        through=through,
    )


def viewer_with(token: Token) -> Viewer:
    """The user of a token, held to its role and its project."""
    user = viewer_of(token.user, "token")
    here = user.roles if token.project is None else _only(user, token.project)
    return Viewer(
        user_id=user.user_id,
        name=user.name,
        roles={project: _lower(role, token.role) for project, role in here.items()},
        everywhere=_lower(user.everywhere, token.role)
        if user.everywhere and token.project is None
        else None,
        through="token",
    )


def _only(user: Viewer, project: str) -> Mapping[str, Role]:
    role = user.role_in(project)
    return {project: role} if role is not None else {}


def _lower(one: Role, other: Role) -> Role:
    return other if one.includes(other) else one
