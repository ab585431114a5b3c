"""Paths of files that somebody sends: relative, plain, and what is wanted of them."""

import re
from pathlib import PurePosixPath

from sdxl_reg.errors import InvalidValue
from sdxl_reg.imaging.ignore import IGNORE_NAME, junk
from sdxl_reg.imaging.scan import CAPTION_SUFFIXES, METADATA_NAME, PICTURE_SUFFIXES, PLUGIN_SUFFIXES

LONGEST_PATH_BYTES = 2000
_LONGEST_NAME_BYTES = 255
_DEEPEST = 64
_DRIVE = re.compile(r"[A-Za-z]:([\\/]|$)")
WANTED_SUFFIXES = frozenset({*PICTURE_SUFFIXES, *PLUGIN_SUFFIXES, *CAPTION_SUFFIXES})
"""Of files whose bytes are of use."""
WANTED_NAMES = frozenset({IGNORE_NAME, METADATA_NAME})
"""Names of files whose bytes are of use, whatever their suffix."""


def checked_path(path: str) -> str:
    """A path below the folder that is sent.

    Args:
        path: With /, as it was announced.

    Raises:
        InvalidValue: It is not relative, not plain, too long, or no text that a file can be called.
    """
    if fault := _fault(path):
        raise InvalidValue(
            f"path of a file that is sent ({fault})",
            repr(path),
            remedy="Send paths relative to the folder, with / and without . and ..",
        )
    return path


def checked_folder(name: str) -> str:
    """The name of the folder that is sent.

    Raises:
        InvalidValue: It is none.
    """
    if "/" in name or _fault(name):
        raise InvalidValue("name of a folder", repr(name), remedy="Give its name without a path")
    return name


def is_wanted(path: str) -> bool:
    """Whether the bytes of a file are of use: those of pictures, captions, and what to ignore."""
    parts = PurePosixPath(path).parts
    if any(junk(part, is_folder=True) for part in parts[:-1]):
        return False
    name = parts[-1]
    if name in WANTED_NAMES:
        return True
    return not junk(name, is_folder=False) and PurePosixPath(name).suffix.lower() in WANTED_SUFFIXES


def _fault(path: str) -> str:
    """What is wrong with a path; empty for nothing."""
    try:
        size = len(path.encode())
    except UnicodeEncodeError:
        return "half of a character"
    parts = path.split("/")
    if path.startswith("/") or _DRIVE.match(path):
        return "absolute"
    if "\0" in path:
        return "with a NUL"
    if any(part in ("", ".", "..") for part in parts):
        return "not plain"
    if size > LONGEST_PATH_BYTES or any(len(p.encode()) > _LONGEST_NAME_BYTES for p in parts):
        return "too long"
    return "too deep" if len(parts) > _DEEPEST else ""
