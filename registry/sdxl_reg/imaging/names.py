"""Names of files and folders: kept as written for showing, brought to one form for matching."""

import os
import unicodedata
from itertools import takewhile
from pathlib import Path


def name_key(name: str) -> str:
    """The form under which two spellings of one name are equal: NFC, casefolded, trimmed."""
    folded = unicodedata.normalize("NFC", name).casefold().strip()
    return unicodedata.normalize("NFC", folded) or name  # casefolding can decompose


def shown(path: str) -> str:
    """A path of the operating system as text that every database and terminal takes.

    Args:
        path: As `os.scandir` gives it; bytes that are no UTF-8 stand as lone surrogates.

    Returns:
        The same text, with such bytes written as `\\xNN`.
    """
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def as_path(text: str) -> Path:
    """The path that `shown` made a text of, as the operating system takes it, whatever its locale.

    Args:
        text: What is recorded; without bytes that were no UTF-8.
    """
    return Path(os.fsdecode(text.encode("utf-8", "surrogateescape")))


def near_names(name: str, others: list[str]) -> list[str]:
    """Which of other names this one may be a slip of: one letter more, less, other or swapped.

    Names below five letters and names that differ in a digit (`lot10`, `lot11`) are never near.

    Args:
        name: The name in question, as a key of `name_key`.
        others: Keys to compare it with; the name itself is passed over.

    Returns:
        The near ones, in their order.
    """
    return [other for other in others if other != name and _is_one_slip(name, other)]


def _is_one_slip(left: str, right: str) -> bool:
    if min(len(left), len(right)) < 5 or abs(len(left) - len(right)) > 1:
        return False
    start = _common(left, right)
    end = _common(left[start:][::-1], right[start:][::-1])
    a, b = left[start : len(left) - end], right[start : len(right) - end]
    if any(character.isdigit() for character in a + b):
        return False
    return (len(a) <= 1 and len(b) <= 1) or (len(a) == 2 and a == b[::-1])


def _common(left: str, right: str) -> int:
    """How many characters two words have in common at their beginning."""
    same = takewhile(lambda pair: pair[0] == pair[1], zip(left, right, strict=False))
    return sum(1 for _ in same)
