"""Every error of the project.

    RegistryError
    ├── UsageError            exit 2   HTTP 422   the request cannot be carried out
    │   ├── InvalidValue               a value out of range or of the wrong form
    │   ├── InvalidSettings            several settings at once, each with its fault
    │   ├── ItemsRefused               one of many things at once is refused, and so all are
    │   └── UnknownName                a closed word (option, trainer, metric) that does not exist
    ├── NotFound              exit 3   HTTP 404   a row or a file that is not there
    ├── Conflict              exit 4   HTTP 409   what is asked contradicts what is recorded
    │   └── Changed           exit 4   HTTP 412   what is to be changed is not as it was seen
    ├── Corrupt               exit 5   HTTP 500   bytes that are not what they claim to be
    ├── NotReady              exit 1   HTTP 503   a server that cannot do its work now
    ├── NotSignedIn           exit 7   HTTP 401   nobody knows who asks
    ├── NotAllowed            exit 7   HTTP 403   who asks may not do that
    └── WorkFailed            exit 6   HTTP 500   a run, or storing its results, did not succeed
        ├── RunFailed                  a job ended with an error of its own
        └── OutOfSpace        exit 6   HTTP 507   the disk is full

A class keeps its facts as attributes and composes the message: what was wrong, the value, what
to do.
"""

import difflib
import errno
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
"""What the operating system says of a full disk."""


class RegistryError(Exception):
    """What every error of this project is."""

    code = "error"
    exit_code = 1
    http_status = 500

    def __init__(self, message: str, *, remedy: str = "") -> None:
        self.message = message
        self.remedy = remedy
        super().__init__(f"{message}. {remedy}" if remedy else message)

    def __reduce__(self) -> tuple[Any, ...]:  # their arguments are not what Exception pickles
        return _restored, (type(self), self.args, self.__dict__)


class UsageError(RegistryError):
    """A request that cannot be carried out as it stands."""

    code = "usage"
    exit_code = 2
    http_status = 422


class InvalidValue(UsageError):
    """A value out of its range or of the wrong form."""

    code = "invalid-value"

    def __init__(self, what: str, value: object, *, remedy: str) -> None:
        self.what = what
        self.value = value
        super().__init__(f"{what}: {value!s}", remedy=remedy)


class InvalidSettings(UsageError):
    """Settings with one fault or several; all of them are told at once."""

    code = "invalid-settings"

    def __init__(self, subject: str, faults: Mapping[str, str]) -> None:
        self.subject = subject
        self.faults = dict(faults)
        lines = "".join(f"\n  {name}: {fault}" for name, fault in self.faults.items())
        super().__init__(f"{subject} cannot take these settings:{lines}")


class ItemsRefused(UsageError):
    """Many things at once of which one is refused, so that none was done; each fault is told."""

    code = "items-refused"

    def __init__(self, total: int, faults: Mapping[str, str]) -> None:
        self.total = total
        self.faults = dict(faults)
        first = next(iter(self.faults.items()), ("", ""))
        super().__init__(
            f"{len(self.faults)} of {total} are refused, so that none was done; "
            f"{first[0]}: {first[1]}",
            remedy="Mend them, or ask without `atomic` for the others",
        )


class UnknownName(UsageError):
    """A name out of a closed list that does not exist."""

    code = "unknown-name"

    def __init__(self, noun: str, name: str, known: Iterable[str]) -> None:
        self.noun = noun
        self.name = name
        self.known = sorted(known)
        super().__init__(f"no such {noun}: {name!r}", remedy=suggestion(name, self.known))


class NotFound(RegistryError):
    """A thing that is not recorded, or a file that is not there."""

    code = "not-found"
    exit_code = 3
    http_status = 404

    def __init__(
        self,
        noun: str,
        name: str | Path,
        known: Iterable[str] | None = None,
        *,
        remedy: str = "",
    ) -> None:
        self.noun = noun
        self.name = str(name)
        self.known = sorted(known or ())
        hint = suggestion(self.name, self.known)
        if known is not None and not self.known:
            hint = f"There is no {noun} yet"
        super().__init__(f"no such {noun}: {self.name!r}", remedy=remedy or hint)


class Conflict(RegistryError):
    """A request that contradicts what is already recorded or running."""

    code = "conflict"
    exit_code = 4
    http_status = 409


class Changed(Conflict):
    """A change of something that is not any more as whoever asks has seen it."""

    code = "changed"
    http_status = 412


class Corrupt(RegistryError):
    """Bytes that are not what they claim to be."""

    code = "corrupt"
    exit_code = 5

    def __init__(self, path: str | Path, fault: str, *, remedy: str = "") -> None:
        self.path = str(path)
        self.fault = fault
        super().__init__(f"{path}: {fault}", remedy=remedy)


class NotReady(RegistryError):
    """A server that lives and cannot do its work now."""

    code = "not-ready"
    http_status = 503


class NotSignedIn(RegistryError):
    """A request of which it is not known who makes it."""

    code = "not-signed-in"
    exit_code = 7
    http_status = 401


class NotAllowed(RegistryError):
    """A request of somebody whose role is too low for it."""

    code = "not-allowed"
    exit_code = 7
    http_status = 403


class WorkFailed(RegistryError):
    """Work that was started and did not succeed."""

    code = "work-failed"
    exit_code = 6


class RunFailed(WorkFailed):
    """A job that ended with an error of its own."""

    code = "run-failed"

    def __init__(self, run: int, fault: str, *, remedy: str = "") -> None:
        self.run = run
        self.fault = fault
        super().__init__(f"run {run} failed: {fault}", remedy=remedy)


class OutOfSpace(WorkFailed):
    """A disk without room for what had to be written."""

    code = "out-of-space"
    http_status = 507

    def __init__(self, path: str | Path) -> None:
        self.path = str(path)
        super().__init__(
            f"no space left on the disk of {path}",
            remedy="Nothing half-written was kept; make room and run the same command again",
        )


def suggestion(name: str, known: Iterable[str]) -> str:
    """A sentence that names what the user may have meant.

    Args:
        name: What the user wrote.
        known: The names that exist; compared without regard to case.

    Returns:
        Up to three near names, else a short list of what there is, else an empty string.
    """
    by_key = {candidate.casefold(): candidate for candidate in known}
    near = difflib.get_close_matches(name.casefold(), by_key, n=3, cutoff=0.55)
    if near:
        return "Did you mean " + " or ".join(repr(by_key[key]) for key in near) + "?"
    names = list(by_key.values())
    if not names:
        return ""
    shown = ", ".join(names[:8])
    return f"There is: {shown}" + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def as_facts(error: RegistryError) -> dict[str, Any]:
    """An error as text and plain values, for a process that must not unpickle what it hears."""
    facts = {name: _plain(value) for name, value in error.__dict__.items()}
    return {"code": error.code, "text": str(error), "facts": facts}


def from_facts(said: Mapping[str, Any]) -> RegistryError:
    """The error that another process told with `as_facts`.

    Args:
        said: What it told.

    Returns:
        Of the same class; of the root class when there is none of its code.
    """
    kinds = {kind.code: kind for kind in _classes(RegistryError)}
    kind = kinds.get(said["code"], RegistryError)
    return _restored(kind, (said["text"],), said["facts"])


def _classes(kind: type[RegistryError]) -> list[type[RegistryError]]:
    return [kind, *(found for child in kind.__subclasses__() for found in _classes(child))]


def _plain(value: object) -> object:
    return value if isinstance(value, str | int | float | list | dict | None) else str(value)


def _restored(
    kind: type[RegistryError], args: tuple[Any, ...], facts: dict[str, Any]
) -> RegistryError:
    """An error as another process raised it."""
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(facts)
    return error
