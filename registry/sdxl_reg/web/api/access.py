"""Who may do what: oneself, users, tokens, and the log of what was done."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy.orm import Session

from sdxl_reg.catalog.access.credentials import (
    find_token,
    issue_token,
    revoke_token,
    tokens,
)
from sdxl_reg.catalog.access.passwords import is_password
from sdxl_reg.catalog.access.users import (
    add_user,
    find_user,
    set_admin,
    set_disabled,
    set_password,
    set_role,
    users,
)
from sdxl_reg.catalog.access.viewers import Viewer
from sdxl_reg.catalog.access.visibility import present_viewer
from sdxl_reg.catalog.audit import events_page
from sdxl_reg.errors import InvalidValue, NotAllowed, NotFound
from sdxl_reg.store.database import transaction
from sdxl_reg.tables import User
from sdxl_reg.vocabulary import Role
from sdxl_reg.web.dependencies import RegistryOf, SessionOf, SliceOf
from sdxl_reg.web.identity import AdminOf, SignedIn
from sdxl_reg.web.schemas.access import (
    LogItem,
    Me,
    NewToken,
    PasswordBody,
    TokenBody,
    TokenItem,
    UserBody,
    UserChange,
    UserDocument,
    log_item,
    me_of,
    new_token,
    token_item,
    user_document,
)
from sdxl_reg.web.schemas.base import Items, Number, items_of

router = APIRouter(tags=["access"])


@router.get("/me", summary="Who asks, and what they may do")
def me() -> Me:
    """One's own name and roles; a token's are no more than it was given."""
    return me_of(present_viewer())


@router.post("/me/password", summary="Choose another password")
def change_password(registry: RegistryOf, viewer: SignedIn, body: PasswordBody) -> UserDocument:
    """Signs out every browser, this one too."""
    if viewer.through == "token":
        raise NotAllowed("a token changes no password", remedy="Sign in with a browser")
    with transaction(registry.engine) as session:
        user = find_user(session, viewer.name)
        if not is_password(user.password_hash, body.old):
            raise InvalidValue("old password", "is not this", remedy="Type it again")
        set_password(session, user, body.new)
        return user_document(user)


@router.get("/users", summary="List the users")
def listed(session: SessionOf, _: AdminOf) -> Items[UserDocument]:
    """All of them, with their roles; for admins of the registry."""
    return Items(items=[user_document(user) for user in users(session)], next=None)


@router.post("/users", summary="Add a user", status_code=HTTPStatus.CREATED)
def add(registry: RegistryOf, _: AdminOf, body: UserBody) -> UserDocument:
    """The first user, an admin, is made on the command line: `sdxl-reg user add NAME --admin`."""
    with transaction(registry.engine) as session:
        user = add_user(session, body.name, password=body.password, is_admin=body.is_admin)
        for project, role in body.roles.items():
            set_role(session, user, project, role)
        return user_document(user)


@router.post("/users/{name}", summary="Change a user")
def change(registry: RegistryOf, _: AdminOf, name: str, body: UserChange) -> UserDocument:
    """`{"roles": {"main": "trainer", "old": null}}`, `{"is_disabled": true}`; all or nothing."""
    with transaction(registry.engine) as session:
        user = find_user(session, name)
        _changed(session, user, body)
        return user_document(user)


@router.get("/tokens", summary="List the tokens")
def listed_tokens(
    session: SessionOf,
    viewer: SignedIn,
    everyone: Annotated[bool, Query(description="Of all users; for admins.")] = False,
) -> Items[TokenItem]:
    """One's own, newest first; secrets are never told again."""
    if everyone and not viewer.is_admin:
        raise NotAllowed(f"{viewer.name} is no admin", remedy="Ask for your own: everyone=false")
    own = None if everyone else find_user(session, viewer.name)
    return Items(items=[token_item(token) for token in tokens(session, own)], next=None)


@router.post("/tokens", summary="Make a token", status_code=HTTPStatus.CREATED)
def issue(registry: RegistryOf, viewer: SignedIn, body: TokenBody) -> NewToken:
    """A token for oneself. Its `secret` is told this once; it may do no more than its maker."""
    _require_grantable(viewer, body)
    with transaction(registry.engine) as session:
        user = find_user(session, viewer.name)
        issued = issue_token(
            session, user, body.name, role=body.role, project=body.project, days=body.days
        )
        return new_token(issued)


@router.post("/tokens/{number}/revoke", summary="Revoke a token")
def revoke(registry: RegistryOf, viewer: SignedIn, number: Number) -> TokenItem:
    """It opens nothing from now on; send `{}`. Admins revoke everybody's."""
    with transaction(registry.engine) as session:
        token = find_token(session, number)
        if token.user_id != viewer.user_id and not viewer.is_admin:
            raise NotFound("token", str(number), remedy="See: GET /api/v1/tokens")
        revoke_token(session, token)
        return token_item(token)


@router.get("/events", summary="What was done, and by whom")
def log(session: SessionOf, _: AdminOf, part: SliceOf) -> Items[LogItem]:
    """The log of everything that changed, newest first; for admins of the registry."""
    return items_of(events_page(session, part), log_item)


def _changed(session: Session, user: User, body: UserChange) -> None:
    if body.password is not None:
        set_password(session, user, body.password)
    if body.is_admin is not None:
        set_admin(session, user, body.is_admin)
    if body.is_disabled is not None:
        set_disabled(session, user, body.is_disabled)
    for project, role in body.roles.items():
        set_role(session, user, project, role)


def _require_grantable(viewer: Viewer, body: TokenBody) -> None:
    """Refuse what would give a token more than its maker has now.

    A token is held to what its user may do at the time; here it is that a token of little right
    must not make one of more.
    """
    if body.project is not None:
        viewer.require(body.role, body.project)
    elif viewer.through == "token":
        raise NotAllowed("a token makes tokens for one project", remedy='Add "project": "NAME"')
    else:
        viewer.require_somewhere(Role.READER)
