"""Who may do what: one's own tokens and password; for admins the users, projects and the log."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from sdxl_reg.catalog.access.credentials import tokens
from sdxl_reg.catalog.access.projects import projects, roles_in
from sdxl_reg.catalog.access.users import find_user, users
from sdxl_reg.catalog.audit import events_page
from sdxl_reg.catalog.paging import Slice
from sdxl_reg.tables import now
from sdxl_reg.vocabulary import Role
from sdxl_reg.web.dependencies import SessionOf, SliceOf
from sdxl_reg.web.identity import AdminOf, SignedIn
from sdxl_reg.web.schemas.access import log_item, project_items, token_item, user_document
from sdxl_reg.web.templating import render

router = APIRouter()

_SHOWN = Slice(limit=12)


@router.get("/account")
def account(request: Request, session: SessionOf, viewer: SignedIn) -> Response:
    """What one may do where, one's tokens, another password."""
    user = find_user(session, viewer.name)
    facts = {
        "user": user_document(user),
        "tokens": [token_item(token) for token in tokens(session, user)],
        "roles": list(Role),
        "now": now(),
    }
    return render(request, "account.html", facts)


@router.get("/projects")
def listed(request: Request, session: SessionOf) -> Response:
    """The projects one sees, and who may do what in those that one administrates."""
    items = project_items(session)
    members = {item.name: roles_in(session, item.name) for item in items if item.role == Role.ADMIN}
    facts = {"projects": items, "members": members, "roles": list(Role)}
    return render(request, "projects.html", facts)


@router.get("/users")
def administration(request: Request, session: SessionOf, _: AdminOf) -> Response:
    """Every user with their roles, the projects, all tokens that open something, the newest log."""
    moment = now()
    alive = [
        token_item(token)
        for token in tokens(session)
        if token.revoked_at is None and (token.expires_at is None or token.expires_at > moment)
    ]
    facts = {
        "users": [user_document(user) for user in users(session)],
        "projects": projects(session),
        "tokens": alive,
        "roles": list(Role),
        "log": [log_item(event) for event in events_page(session, _SHOWN).items],
    }
    return render(request, "users.html", facts)


@router.get("/log")
def log(request: Request, session: SessionOf, _: AdminOf, part: SliceOf) -> Response:
    """What was done, by whom, newest first."""
    page = events_page(session, part)
    facts = {"log": [log_item(event) for event in page.items], "next": page.next}
    return render(request, "log.html", facts)
