"""Who asks: a bearer token, the session of a browser, or anyone where nobody has to sign in.

Once there is a user, everybody signs in, on this machine too. What a viewer may see is set for the
task of the request, so that every query it makes keeps to it (`catalog.access.visibility`).
"""

import secrets
from typing import Annotated
from urllib.parse import urlencode, urlsplit

from fastapi import Depends, Request
from sqlalchemy import update
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from sdxl_reg.catalog.access.credentials import (
    csrf_token,
    is_use_to_be_noted,
    viewer_by_session,
    viewer_by_token,
)
from sdxl_reg.catalog.access.users import has_users
from sdxl_reg.catalog.access.viewers import Viewer
from sdxl_reg.catalog.access.visibility import present_viewer, show_to
from sdxl_reg.catalog.audit import act_as
from sdxl_reg.errors import NotAllowed, NotSignedIn
from sdxl_reg.store.database import reading, transaction
from sdxl_reg.tables import Token, now
from sdxl_reg.web.dependencies import Registry
from sdxl_reg.web.same_site import READING

COOKIE = "sdxl_reg_session"
CSRF_HEADER = "X-CSRF-Token"
CHALLENGE = {"WWW-Authenticate": "Bearer"}


async def identified(request: Request) -> None:
    """Find out who asks, and have the request see and write as them.

    A coroutine, for it sets what the rest of the request's task inherits.

    Raises:
        NotSignedIn: Somebody has to sign in, and has not, or not with what is valid.
        NotAllowed: A page writes without the word that its session was given.
    """
    show_to(None)  # a request that came right behind another begins in the task of that one
    viewer = await run_in_threadpool(viewer_in, request)
    show_to(viewer)
    act_as(viewer.name if viewer else "")


def admin() -> Viewer:
    """Who asks, an admin of the registry.

    Raises:
        NotAllowed: They are not, or nobody has signed in because there are no users yet.
    """
    viewer = present_viewer()
    if viewer is None:
        raise NotAllowed(
            "there are no users yet",
            remedy="Make the first one where the registry lies: sdxl-reg user add NAME --admin",
        )
    if not viewer.is_admin:
        raise NotAllowed(f"{viewer.name} is no admin", remedy="Ask an admin of the registry")
    return viewer


def signed_in() -> Viewer:
    """Who asks, a user.

    Raises:
        NotAllowed: There are no users.
    """
    viewer = present_viewer()
    return viewer if viewer is not None else admin()


def keeper() -> str:
    """The name of who asks, who may look after the registry: its admins, else anybody, nameless.

    Raises:
        NotAllowed: There are users, and they are no admin.
    """
    return "" if present_viewer() is None else admin().name


def author_of(said: str | None) -> str | None:
    """Whose change it is: who has signed in, else who the request says."""
    viewer = present_viewer()
    return viewer.name if viewer is not None else said


def csrf_of(request: Request) -> str:
    """The word with which the pages of this browser write; empty where it has no session."""
    secret = request.cookies.get(COOKIE, "")
    return csrf_token(secret) if secret else ""


def to_sign_in(request: Request) -> str:
    """The address of the page to sign in, which leads back to where somebody wanted to go."""
    query = f"?{request.url.query}" if request.url.query else ""
    return f"/login?{urlencode({'next': request.url.path + query})}"


def is_here(address: str) -> bool:
    """Whether an address is a path of this server, and nothing that leads elsewhere."""
    parts = urlsplit(address)
    own = not parts.scheme and not parts.netloc and address.startswith("/")
    return own and not address.startswith("//") and "\\" not in address and address.isprintable()


def viewer_in(request: Request) -> Viewer | None:
    """Who asks, as things stand at this moment; None where nobody has to sign in.

    Raises:
        NotSignedIn: Somebody has to, and has not, or not any more.
    """
    registry: Registry = request.app.state.registry
    with reading(registry.engine) as session:
        try:
            viewer, token = _signed_in(session, request)
        except (NotSignedIn, NotAllowed):
            if not has_users(session):  # asked last: whoever has signed in is a user
                return None
            raise
    if token is not None and is_use_to_be_noted(token):
        with transaction(registry.engine) as session:
            session.execute(update(Token).where(Token.id == token.id).values(used_at=now()))
    return viewer


def _signed_in(session: Session, request: Request) -> tuple[Viewer, Token | None]:
    said = request.headers.get("authorization", "")
    scheme, _, secret = said.partition(" ")
    if scheme.casefold() == "bearer" and secret:
        return viewer_by_token(session, secret.strip())
    if said:
        raise NotSignedIn(
            f"signing in with {scheme!r} is not known here",
            remedy="Send a token: Authorization: Bearer …",
        )
    return _by_cookie(session, request), None


def _by_cookie(session: Session, request: Request) -> Viewer:
    secret = request.cookies.get(COOKIE, "")
    viewer = viewer_by_session(session, secret) if secret else None
    if viewer is None:
        raise NotSignedIn(
            "nobody has signed in",
            remedy="Send a token (Authorization: Bearer …), or sign in at /login",
        )
    given = request.headers.get(CSRF_HEADER, "")
    if request.method not in READING and not secrets.compare_digest(
        given.encode(), csrf_token(secret).encode()
    ):
        raise NotAllowed(
            "the page does not belong to this session", remedy="Load it again, and try again"
        )
    return viewer


SignedIn = Annotated[Viewer, Depends(signed_in)]
AdminOf = Annotated[Viewer, Depends(admin)]
KeeperOf = Annotated[str, Depends(keeper)]
