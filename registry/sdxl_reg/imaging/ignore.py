"""What an ingest passes over: junk of operating systems and tools, and what `.sdxlregignore` says.

A `.sdxlregignore` has the syntax of gitignore and may lie in any folder; it speaks of what lies in
that folder and below it, and a deeper one wins.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pathspec import GitIgnoreSpec

IGNORE_NAME = ".sdxlregignore"
_JUNK_NAMES = frozenset({"thumbs.db", "ehthumbs.db", ".ds_store", "desktop.ini", "__macosx"})
_JUNK_FOLDERS = frozenset({".ipynb_checkpoints", "@eadir", ".git", "__macosx", "$recycle.bin"})
_JUNK_SUFFIXES = (".part", ".crdownload", ".tmp", "~")
_MAX_BYTES = 1 << 20


@dataclass(frozen=True)
class IgnoreRule:
    """The rules of one file.

    Attributes:
        folder: Of the file, relative to the scanned folder, with / at its end; empty at the top.
        spec: Its patterns.
    """

    folder: str
    spec: GitIgnoreSpec


def junk(name: str, *, is_folder: bool) -> str | None:
    """What kind of junk something is, if it is any.

    Args:
        name: Of a file or folder.
        is_folder: Which of the two it is.
    """
    key = name.casefold()
    if key in _JUNK_NAMES or key == IGNORE_NAME or (is_folder and key in _JUNK_FOLDERS):
        return name
    if key.startswith("._"):
        return "._*"
    return next((f"*{suffix}" for suffix in _JUNK_SUFFIXES if key.endswith(suffix)), None)


def read_rule(path: Path, folder: str) -> IgnoreRule:
    """The rules of a `.sdxlregignore`; lines that are no patterns mean nothing.

    Args:
        path: The file.
        folder: Where it lies, relative to the scanned folder; empty at the top.
    """
    try:
        with path.open("rb") as stream:
            lines = stream.read(_MAX_BYTES).decode("utf-8-sig", "replace").splitlines()
    except OSError:
        lines = []
    good = []
    for line in lines:
        try:
            GitIgnoreSpec.from_lines([line])
        except ValueError:
            continue
        good.append(line)
    return IgnoreRule(f"{folder}/" if folder else "", GitIgnoreSpec.from_lines(good))


def is_ignored(rules: Sequence[IgnoreRule], name: str, *, is_folder: bool) -> bool:
    """Whether rules pass something over.

    Args:
        rules: From the top folder down.
        name: Relative to the scanned folder.
        is_folder: Whether it is one.
    """
    for rule in reversed(rules):
        said = rule.spec.check_file(name.removeprefix(rule.folder) + ("/" if is_folder else ""))
        if said.include is not None:
            return said.include
    return False
