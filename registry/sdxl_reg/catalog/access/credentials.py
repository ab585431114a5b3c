"""What signs a request in: tokens of programs, sessions of browsers.

Both are 256 random bits that are told once; what is kept is their SHA-256, which is enough for
secrets that nobody can guess. Passwords are another matter, see `passwords`.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, joinedload

from sdxl_reg.catalog.access.passwords import hashed, is_outdated, is_password
from sdxl_reg.catalog.access.viewers import Viewer, viewer_of, viewer_with
from sdxl_reg.catalog.audit import acting_as, note
from sdxl_reg.catalog.references import checked_name, checked_project
from sdxl_reg.errors import InvalidValue, NotFound, NotSignedIn
from sdxl_reg.imaging.names import name_key
from sdxl_reg.tables import BrowserSession, Token, User, now
from sdxl_reg.vocabulary import Role

TOKEN_PREFIX = "sdxlreg_"  # noqa: S105 - what scanners of source code know our tokens by
USUAL_DAYS = 90
LONGEST_DAYS = 3650
SESSION_LENGTH = timedelta(days=7)
_USE_NOTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class Issued:
    """A new secret, which nobody can read again."""

    secret: str
    token: Token


def issue_token(
    session: Session,
    user: User,
    name: str,
    *,
    role: Role = Role.READER,
    project: str | None = None,
    days: int | None = USUAL_DAYS,
) -> Issued:
    """A token with which a program acts for a user.

    Args:
        session: The transaction.
        user: For whom.
        name: What it is for.
        role: The most it may do; what its user may not do, it may not either.
        project: The only project it may act in; None for all of its user's.
        days: Until it expires; None for never.

    Raises:
        InvalidValue: A name that cannot be used, or a number of days out of range.
    """
    if days is not None and not 0 < days <= LONGEST_DAYS:
        raise InvalidValue("days until a token expires", days, remedy=f"Give 1 to {LONGEST_DAYS}")
    secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
    token = Token(
        user=user,
        name=checked_name(name),
        digest=_digest(secret),
        role=role,
        project=checked_project(project) if project is not None else None,
        expires_at=now() + timedelta(days=days) if days is not None else None,
    )
    session.add(token)
    session.flush()
    note(session, "token.issued", user.name, token=token.id, name=name, role=role, project=project)
    return Issued(secret=secret, token=token)


def tokens(session: Session, user: User | None = None) -> Sequence[Token]:
    """The tokens of a user, or of all; the newest first."""
    query = select(Token).options(joinedload(Token.user)).order_by(Token.id.desc())
    return session.scalars(query if user is None else query.where(Token.user_id == user.id)).all()


def token_facts(token: Token) -> dict[str, Any]:
    """What is told of a token, as JSON; its secret is not known."""
    return {
        "id": token.id,
        "user": token.user.name,
        "name": token.name,
        "role": token.role,
        "project": token.project,
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "revoked_at": token.revoked_at,
        "used_at": token.used_at,
    }


def find_token(session: Session, number: int) -> Token:
    """The token of a number.

    Raises:
        NotFound: There is none.
    """
    token = session.get(Token, number)
    if token is None:
        raise NotFound("token", str(number), remedy="See: sdxl-reg token list")
    return token


def revoke_token(session: Session, token: Token) -> None:
    """Have a token open nothing from now on; nothing happens where it does not any more."""
    if token.revoked_at is None:
        token.revoked_at = now()
        note(session, "token.revoked", token.user.name, token=token.id, name=token.name)


def viewer_by_token(session: Session, secret: str) -> tuple[Viewer, Token]:
    """Whom a token signs in.

    Raises:
        NotSignedIn: Nobody: it is unknown, revoked or expired, or its user is shut out.
    """
    query = select(Token).where(Token.digest == _digest(secret)).options(joinedload(Token.user))
    token = session.scalar(query)
    fault = "the token is not known" if token is None else _fault_of(token)
    if token is None or fault:
        raise NotSignedIn(fault, remedy="Make another: sdxl-reg token create --help")
    return viewer_with(token), token


def is_use_to_be_noted(token: Token) -> bool:
    """Whether it is a while that the last use of a token was written down."""
    return token.used_at is None or now() - token.used_at > _USE_NOTED_EVERY


def sign_in(session: Session, name: str, password: str) -> str:
    """Open a session for a browser.

    Args:
        session: The transaction.
        name: Of a user.
        password: As typed.

    Returns:
        What the browser has to send.

    Raises:
        NotSignedIn: It is not their password, or there is no such user, or they are shut out.
    """
    user = session.scalar(select(User).where(User.name_key == name_key(name)))
    if not is_password(user.password_hash if user else None, password) or user is None:
        raise NotSignedIn("name or password is wrong", remedy="Try again, or ask an admin")
    if user.is_disabled:
        raise NotSignedIn(f"{user.name} is shut out", remedy="Ask an admin")
    if user.password_hash and is_outdated(user.password_hash):
        user.password_hash = hashed(password)
    session.execute(delete(BrowserSession).where(BrowserSession.expires_at < now()))
    secret = secrets.token_urlsafe(32)
    session.add(
        BrowserSession(user_id=user.id, digest=_digest(secret), expires_at=now() + SESSION_LENGTH)
    )
    with acting_as(user.name):
        note(session, "user.signed_in", user.name)
    return secret


def sign_out(session: Session, secret: str) -> None:
    """End the session of a browser."""
    session.execute(delete(BrowserSession).where(BrowserSession.digest == _digest(secret)))


def viewer_by_session(session: Session, secret: str) -> Viewer | None:
    """Whom the cookie of a browser signs in; nobody once its time is over."""
    query = (
        select(BrowserSession)
        .where(BrowserSession.digest == _digest(secret), BrowserSession.expires_at > now())
        .options(joinedload(BrowserSession.user))
    )
    found = session.scalar(query)
    if found is None or found.user.is_disabled:
        return None
    return viewer_of(found.user, "password")


def csrf_token(secret: str) -> str:
    """What a page of a browser's session sends with what it writes, and no other page knows."""
    return _digest(f"csrf {secret}")


def _fault_of(token: Token) -> str:
    if token.revoked_at is not None:
        return "the token has been revoked"
    if token.expires_at is not None and token.expires_at <= now():
        return "the token has expired"
    if token.user.is_disabled:
        return f"{token.user.name} is shut out"
    return ""


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
