"""Passwords: kept as Argon2id, checked in the same time whether there is a user or not."""

import functools

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from sdxl_reg.errors import InvalidValue

SHORTEST = 10
LONGEST = 1000
_hasher = PasswordHasher()  # the library's defaults are RFC 9106's for little memory: 64 MiB


def hashed(password: str) -> str:
    """A password in the form in which it is kept.

    Raises:
        InvalidValue: It is too short or too long.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise InvalidValue(
            "length of the password", len(password), remedy=f"Use {SHORTEST} to {LONGEST} signs"
        )
    return _hasher.hash(password)


def is_password(kept: str | None, given: str) -> bool:
    """Whether a password is the one that is kept; as slow where none is kept.

    Args:
        kept: From `hashed`, or None.
        given: What somebody typed.
    """
    try:
        return _hasher.verify(kept or _of_nobody(), given[: LONGEST + 1]) and kept is not None
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(kept: str) -> bool:
    """Whether a password is kept less safely than a new one would be."""
    return _hasher.check_needs_rehash(kept)


@functools.cache
def _of_nobody() -> str:
    """A hash to be as slow with as with a user's; made when it is first needed."""
    return _hasher.hash("the password of nobody")
