"""Users and their roles."""

import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, selectinload

from sdxl_reg.catalog.access.passwords import hashed
from sdxl_reg.catalog.audit import note
from sdxl_reg.catalog.references import checked_project
from sdxl_reg.errors import Conflict, InvalidValue, NotFound
from sdxl_reg.imaging.names import name_key
from sdxl_reg.tables import BrowserSession, User, UserRole
from sdxl_reg.vocabulary import Role

_USER_NAME = re.compile(r"[\w][\w.@+-]{0,63}")


_ANYBODY = select(User.id).limit(1)  # asked at every request: made once


def has_users(session: Session) -> bool:
    """Whether anybody has to sign in: once there is a user, everybody has to."""
    return session.scalar(_ANYBODY) is not None


def users(session: Session) -> Sequence[User]:
    """Every user, by name."""
    return session.scalars(select(User).options(selectinload(User.roles)).order_by(User.name)).all()


def user_facts(user: User) -> dict[str, Any]:
    """What is told of a user, as JSON."""
    return {
        "name": user.name,
        "is_admin": user.is_admin,
        "is_disabled": user.is_disabled,
        "has_password": user.password_hash is not None,
        "roles": {found.project: found.role for found in user.roles},
        "created_at": user.created_at,
    }


def find_user(session: Session, name: str) -> User:
    """The user of a name.

    Raises:
        NotFound: There is none.
    """
    user = session.scalar(select(User).where(User.name_key == name_key(name)))
    if user is None:
        known = session.scalars(select(User.name).order_by(User.name)).all()
        raise NotFound("user", name, known)
    return user


def add_user(
    session: Session, name: str, *, password: str | None = None, is_admin: bool = False
) -> User:
    """A new user, with no role in any project yet.

    Args:
        session: The transaction.
        name: How they are called.
        password: To sign in with in a browser; None for programs, which have tokens.
        is_admin: Of the whole registry.

    Raises:
        InvalidValue: The name cannot be used, or the password is too short or too long.
        Conflict: The name is taken, or nobody could administrate.
    """
    if not _USER_NAME.fullmatch(name):
        raise InvalidValue("name of a user", repr(name), remedy="Use letters, digits and . @ + - _")
    if session.scalar(select(User.id).where(User.name_key == name_key(name))) is not None:
        raise Conflict(f"there is a user {name!r}", remedy="Choose another name")
    if not is_admin and not has_users(session):
        raise Conflict(
            "the first user has to be an admin: from then on, everybody has to sign in",
            remedy=f"Add --admin: sdxl-reg user add {name} --admin",
        )
    user = User(
        name=name,
        name_key=name_key(name),
        password_hash=hashed(password) if password is not None else None,
        is_admin=is_admin,
    )
    session.add(user)
    session.flush()
    note(session, "user.added", name, admin=is_admin)
    return user


def set_password(session: Session, user: User, password: str) -> None:
    """Another password; browsers in which the user has signed in are signed out.

    Raises:
        InvalidValue: It is too short or too long.
    """
    user.password_hash = hashed(password)
    _sign_out(session, user)
    note(session, "user.password_set", user.name)


def set_role(session: Session, user: User, project: str, role: Role | None) -> None:
    """Give a user a role in a project, or take it.

    Args:
        session: The transaction.
        user: Who.
        project: Its name; a project is there once something or somebody belongs to it.
        role: What they may do there; None for nothing.

    Raises:
        InvalidValue: That can be no name of a project.
    """
    usable = checked_project(project)
    found = session.get(UserRole, (user.id, usable))
    if role is None:
        if found is not None:
            user.roles.remove(found)
    elif found is None:
        user.roles.append(UserRole(user_id=user.id, project=usable, role=role))
    else:
        found.role = role
    session.flush()
    note(session, "user.role_set", user.name, project=usable, role=role)


def set_admin(session: Session, user: User, is_admin: bool) -> None:
    """Make a user an admin of the registry, or no longer one.

    Raises:
        Conflict: Nobody could administrate any more.
    """
    if not is_admin:
        _require_another_admin(session, user)
    user.is_admin = is_admin
    note(session, "user.admin_set", user.name, admin=is_admin)


def set_disabled(session: Session, user: User, is_disabled: bool) -> None:
    """Shut a user out at once, tokens and browsers too, or let them in again.

    Raises:
        Conflict: Nobody could administrate any more.
    """
    if is_disabled:
        _require_another_admin(session, user)
        _sign_out(session, user)
    user.is_disabled = is_disabled
    note(session, "user.disabled" if is_disabled else "user.enabled", user.name)


def _require_another_admin(session: Session, user: User) -> None:
    others = select(User.id).where(
        User.is_admin.is_(True), User.is_disabled.is_(False), User.id != user.id
    )
    if user.is_admin and session.scalar(others.limit(1)) is None:
        raise Conflict(
            f"{user.name} is the only admin", remedy="Make another user an admin before that"
        )


def _sign_out(session: Session, user: User) -> None:
    session.execute(delete(BrowserSession).where(BrowserSession.user_id == user.id))
