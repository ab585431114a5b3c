"""Files that stay where their owner keeps them, and copies that share their blocks.

What a linked file was (size, time of change, inode) is kept beside the link. As long as it is that,
its bytes are taken to be the same; else they are hashed again.
"""

import fcntl
import hashlib
import json
from pathlib import Path
from typing import BinaryIO

from sdxl_reg.errors import Corrupt, NotFound

_FICLONE = 0x40049409  # of linux/fs.h: share all blocks of another file


def remember_link(record: Path, source: Path) -> None:
    """Write down what a file is now that it is being linked.

    Args:
        record: Where to write it; appears whole.
        source: The file.
    """
    record.parent.mkdir(parents=True, exist_ok=True)
    aside = record.with_suffix(".new")
    aside.write_text(json.dumps({"path": str(source), "facts": _facts(source)}), encoding="utf-8")
    aside.replace(record)


def check_link(link: Path, record: Path, sha256: str) -> None:
    """Make sure that a linked file still holds the bytes it was linked for.

    Args:
        link: The symbolic link in the store.
        record: What `remember_link` wrote.
        sha256: Of its bytes.

    Raises:
        NotFound: The file is gone.
        Corrupt: It holds other bytes.
    """
    source = link.readlink()
    try:
        known = json.loads(record.read_text(encoding="utf-8"))["facts"]
    except (OSError, ValueError, KeyError):
        known = None
    try:
        if _facts(source) == known:
            return
        with source.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError:
        raise NotFound(
            "linked picture",
            source,
            remedy="It is not copied into the store: put it back, or ingest its folder again",
        ) from None
    if found != sha256:
        raise Corrupt(
            source,
            "it is linked, not copied, and was changed since it was ingested",
            remedy="Put the old file back, or ingest its folder again for a new version",
        )
    remember_link(record, source)


def cloned(source: Path, target: BinaryIO, *, at: Path, sha256: str) -> bool:
    """Make an empty file a copy of another that shares its blocks, where the file system can.

    Args:
        source: What to copy.
        target: An empty file, open for writing.
        at: Its path.
        sha256: Of the bytes it must hold.

    Returns:
        Whether it holds them now; otherwise it is empty again.
    """
    try:
        with source.open("rb") as stream:
            fcntl.ioctl(target.fileno(), _FICLONE, stream.fileno())
        with at.open("rb") as copy:
            if hashlib.file_digest(copy, "sha256").hexdigest() == sha256:
                return True
    except OSError:  # another file system, or one that cannot share blocks
        pass
    target.seek(0)
    target.truncate()
    return False


def _facts(path: Path) -> list[int]:
    found = path.stat()
    return [found.st_size, found.st_mtime_ns, found.st_ino]
