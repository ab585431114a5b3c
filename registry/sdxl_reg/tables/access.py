"""Who may do what: users, their roles in projects, their tokens and their sessions.

A project is a name that image sets, artifacts and runs carry; it has no row of its own.
"""

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from sdxl_reg.tables.base import Base, Created, Digest, Key, Moment, Name
from sdxl_reg.vocabulary import Role


class User(Base):
    """A person or a program that signs in; rows stay, so that the log stays readable."""

    __tablename__ = "user_account"  # `user` is a word of PostgreSQL

    id: Mapped[Key]
    name: Mapped[Name]
    name_key: Mapped[Name] = mapped_column(unique=True)
    password_hash: Mapped[str | None] = mapped_column(Text)  # Argon2id; none: tokens only
    is_admin: Mapped[bool] = mapped_column(default=False)  # of the registry: every role everywhere
    is_disabled: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[Created]

    roles: Mapped[list["UserRole"]] = relationship(
        order_by="UserRole.project", cascade="all, delete-orphan"
    )


class UserRole(Base):
    """What a user may do in a project."""

    __tablename__ = "user_role"

    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), primary_key=True)
    project: Mapped[str] = mapped_column(String(64), primary_key=True)
    role: Mapped[Role]


class Token(Base):
    """A secret with which a program acts for a user; only its digest is kept."""

    __tablename__ = "token"

    id: Mapped[Key]
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), index=True)
    name: Mapped[Name]  # what it is for
    digest: Mapped[Digest] = mapped_column(unique=True)
    role: Mapped[Role]  # it may do no more than this, whatever its user may
    project: Mapped[str | None] = mapped_column(String(64))  # nor anywhere else than here
    created_at: Mapped[Created]
    expires_at: Mapped[datetime | None] = mapped_column(Moment)
    revoked_at: Mapped[datetime | None] = mapped_column(Moment)
    used_at: Mapped[datetime | None] = mapped_column(Moment)  # within a minute

    user: Mapped[User] = relationship()


class BrowserSession(Base):
    """A browser in which a user has signed in; only the digest of its cookie is kept."""

    __tablename__ = "browser_session"

    id: Mapped[Key]
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), index=True)
    digest: Mapped[Digest] = mapped_column(unique=True)
    created_at: Mapped[Created]
    expires_at: Mapped[datetime] = mapped_column(Moment)

    user: Mapped[User] = relationship()
