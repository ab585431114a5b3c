"""A copy of a folder that lies elsewhere: what its files are is told, for a copy has other times.

An ingest knows a file again by its size, time and inode. Of a file that was sent, these are made of
its SHA-256: what has the same bytes is the same file, whenever it was sent and from wherever.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sdxl_reg.imaging.problems import Problem


@dataclass(frozen=True, kw_only=True)
class FileFacts:
    """By what a file is known again.

    Attributes:
        size_bytes: Its length.
        mtime_ns: In place of its time of change.
        inode: In place of its number in the file system.
    """

    size_bytes: int
    mtime_ns: int
    inode: int


@dataclass(frozen=True, kw_only=True)
class CopiedFolder:
    """What is told of the folder that another is a copy of.

    Attributes:
        label: What it is called where it lies, for messages.
        files: Name relative to the folder, with / → by what it is known again.
        closed: Folders in it that could not be listed there, by name.
        unread: Names of files in it that are there and could not be read.
    """

    label: str
    files: Mapping[str, FileFacts]
    closed: Mapping[str, Problem]
    unread: frozenset[str] = frozenset()


def facts_of_bytes(sha256: str, size_bytes: int) -> FileFacts:
    """By what a file is known again of which only the bytes count.

    Args:
        sha256: Of its bytes.
        size_bytes: How many there are.
    """
    return FileFacts(
        size_bytes=size_bytes, mtime_ns=int(sha256[:15], 16), inode=int(sha256[15:30], 16)
    )
