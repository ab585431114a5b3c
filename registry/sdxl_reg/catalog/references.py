"""References: `weipin-lora`, `weipin-lora@3`, `weipin-lora@best`; and names fit to be recorded."""

import re
import unicodedata
from dataclasses import dataclass

from sdxl_reg.errors import InvalidValue

_NAME = re.compile(r"[^@/\\\x00-\x1f]{1,200}")
_PROJECT = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}", re.ASCII)

MAIN = "main"
"""The project of what nobody has put into another."""
SHARED = "shared"
"""The project that everyone who has signed in may read: bases, above all."""


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A name and, perhaps, which of its versions.

    Attributes:
        name: As written.
        version: Its number, when the reference gives one.
        alias: Its alias, when the reference gives one; without either, the newest is meant.
    """

    name: str
    version: int | None = None
    alias: str | None = None

    def __str__(self) -> str:
        """The reference as users write it."""
        part = self.version if self.version is not None else self.alias
        return self.name if part is None else f"{self.name}@{part}"


def parse_reference(text: str) -> Reference:
    """Read a reference.

    Raises:
        InvalidValue: It has no name, or more than one `@`.
    """
    name, at, which = text.strip().partition("@")
    if not name or (at and not which) or "@" in which:
        raise InvalidValue(
            "not a reference", repr(text), remedy="Write NAME, NAME@NUMBER or NAME@ALIAS"
        )
    if which.isdigit():
        return Reference(name=name, version=int(which))
    return Reference(name=name, alias=which or None)


def checked_name(name: str) -> str:
    """A name fit to be recorded.

    Raises:
        InvalidValue: It is empty, too long, or contains `@`, a slash or a control character.
    """
    stripped = unicodedata.normalize("NFC", name).strip()
    if not _NAME.fullmatch(stripped):
        raise InvalidValue(
            "not a usable name",
            repr(name),
            remedy="Use 1 to 200 characters without @, slashes and control characters",
        )
    return stripped


def checked_project(name: str) -> str:
    """A name fit for a project.

    Raises:
        InvalidValue: It is not.
    """
    if not _PROJECT.fullmatch(name):
        raise InvalidValue(
            "name of a project", repr(name), remedy="Use a to z, digits and . _ -, at most 64"
        )
    return name
