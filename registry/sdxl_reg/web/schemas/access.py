"""Documents of users, tokens and the log of who did what."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field
from sqlalchemy.orm import Session

from sdxl_reg.catalog.access.credentials import LONGEST_DAYS, USUAL_DAYS, Issued, token_facts
from sdxl_reg.catalog.access.projects import projects
from sdxl_reg.catalog.access.users import user_facts
from sdxl_reg.catalog.access.viewers import Viewer
from sdxl_reg.catalog.access.visibility import present_viewer
from sdxl_reg.catalog.audit import event_facts
from sdxl_reg.tables import EventLog, Token, User
from sdxl_reg.vocabulary import Role
from sdxl_reg.web.schemas.base import Document, ProjectName

Password = Annotated[str, Field(min_length=10, max_length=1000, description="At least 10 signs.")]


class Me(Document):
    """Who asks, and what they may do."""

    name: str | None = Field(description="Null where nobody has to sign in.")
    roles: dict[str, Role] = Field(description="Project → role.")
    everywhere: Role | None = Field(description="A role in every project, such as an admin's.")
    through: Literal["password", "token"] | None


class UserDocument(Document):
    """A user."""

    name: str
    is_admin: bool = Field(description="Of the whole registry.")
    is_disabled: bool
    has_password: bool = Field(description="Whether they can sign in with a browser.")
    roles: dict[str, Role]
    created_at: datetime


class UserBody(Document):
    """A user to be."""

    name: str = Field(max_length=64, examples=["anna"])
    password: Password | None = Field(default=None, description="Null for a program.")
    is_admin: bool = False
    roles: dict[ProjectName, Role] = Field(default={}, examples=[{"main": "writer"}])


class UserChange(Document):
    """What is to become of a user; what is left out stays."""

    password: Password | None = None
    is_admin: bool | None = None
    is_disabled: bool | None = None
    roles: dict[ProjectName, Role | None] = Field(
        default={}, description="Project → role, or null for none.", examples=[{"main": "trainer"}]
    )


class ProjectItem(Document):
    """A project, as far as it is seen."""

    name: str
    role: Role | None = Field(description="One's own; null where nobody has to sign in.")
    image_sets: int
    artifacts: int
    runs: int
    users: int = Field(description="Who have a role in it.")


class ProjectRoles(Document):
    """Who may do what in a project."""

    name: str
    roles: dict[str, Role] = Field(description="User → role; admins of the registry besides.")


class RoleBody(Document):
    """A role to be given."""

    user: str = Field(max_length=64, examples=["ben"])
    role: Role | None = Field(description="Null for none.")


class PasswordBody(Document):
    """Another password of one's own."""

    old: str = Field(max_length=1000)
    new: Password


class TokenItem(Document):
    """A token, without its secret."""

    id: int
    user: str
    name: str
    role: Role = Field(description="The most it may do.")
    project: str | None = Field(description="The only project it acts in; null for its user's.")
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    used_at: datetime | None = Field(description="To the minute.")


class TokenBody(Document):
    """A token to be."""

    name: str = Field(min_length=1, max_length=200, examples=["WebUI in the studio"])
    role: Role = Role.READER
    project: ProjectName | None = None
    days: int | None = Field(
        default=USUAL_DAYS, ge=1, le=LONGEST_DAYS, description="Until it expires; null for never."
    )


class NewToken(TokenItem):
    """A new token with its secret, which is told this once."""

    secret: str


class LogItem(Document):
    """Something that happened."""

    id: int
    at: datetime
    actor: str = Field(description="Who did it; empty for the server itself, and where unknown.")
    verb: str
    subject: str
    payload: dict[str, Any]


def me_of(viewer: Viewer | None) -> Me:
    """Who asks."""
    if viewer is None:
        return Me(name=None, roles={}, everywhere=Role.ADMIN, through=None)
    return Me(
        name=viewer.name,
        roles=dict(viewer.roles),
        everywhere=viewer.everywhere,
        through=viewer.through,
    )


def project_items(session: Session) -> list[ProjectItem]:
    """The projects that whoever asks sees."""
    viewer = present_viewer()
    return [
        ProjectItem(name=name, role=viewer.role_in(name) if viewer else None, **counts)
        for name, counts in projects(session).items()
    ]


def user_document(user: User) -> UserDocument:
    """A user."""
    return UserDocument.model_validate(user_facts(user))


def token_item(token: Token) -> TokenItem:
    """A token."""
    return TokenItem.model_validate(token_facts(token))


def new_token(issued: Issued) -> NewToken:
    """A new token and its secret."""
    return NewToken.model_validate(token_facts(issued.token) | {"secret": issued.secret})


def log_item(event: EventLog) -> LogItem:
    """A line of the log."""
    return LogItem.model_validate(event_facts(event))
