"""Files on their way in: they grow piece by piece beside the blobs, and are none of them.

Each lies in a folder of its own, under the name that it was given. Whoever writes to one locks it;
what has arrived stays when the writer goes, and another goes on behind it.
"""

import fcntl
import hashlib
import os
import re
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import BufferedRandom
from pathlib import Path

from sdxl_reg.errors import NO_ROOM, Conflict, InvalidValue, NotFound, OutOfSpace, UsageError

_KEY = re.compile(r"[0-9a-f]{32}")
_SPARE_BYTES = 256 << 20
"""Room that is left for everything else."""


class Quarantine:
    """A folder of files on their way in.

    Args:
        root: The folder; made with the first file.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def begin(self, key: str, name: str, size_bytes: int) -> None:
        """Make an empty file.

        Args:
            key: 32 hexadecimal digits.
            name: Of the file, without slashes.
            size_bytes: How long it is to become.

        Raises:
            UsageError: There is no room for it.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        room = shutil.disk_usage(self.root).free - _SPARE_BYTES
        if size_bytes > room:
            raise UsageError(
                f"no room for {size_bytes:,} bytes: {max(room, 0):,} are left",
                remedy="Have somebody make room where the registry lies: sdxl-reg gc",
            )
        path = self.path(key, name)
        path.parent.mkdir()
        path.touch()

    def path(self, key: str, name: str) -> Path:
        """Where a file lies.

        Raises:
            InvalidValue: The key is none, or the name leads elsewhere.
        """
        if not _KEY.fullmatch(key):
            raise InvalidValue("not an upload", key, remedy="Begin one")
        if name in ("", ".", "..") or "/" in name or "\0" in name:
            raise InvalidValue("not a file name", repr(name), remedy="Give a name without folders")
        return self.root / key / name

    def size(self, key: str, name: str) -> int:
        """How many bytes have arrived.

        Raises:
            NotFound: The file is gone.
        """
        try:
            return self.path(key, name).stat().st_size
        except FileNotFoundError:
            raise NotFound("upload", key, remedy="Begin it again") from None

    @contextmanager
    def writing(self, key: str, name: str) -> Iterator[BufferedRandom]:
        """The file, at its end, to be written to by nobody else meanwhile.

        Raises:
            NotFound: The file is gone.
            Conflict: Somebody else writes to it.
            OutOfSpace: The disk is full; what had arrived stays.
        """
        try:
            with self.path(key, name).open("r+b") as stream:
                _lock(stream, key)
                stream.seek(0, os.SEEK_END)
                yield stream
        except FileNotFoundError:
            raise NotFound("upload", key, remedy="Begin it again") from None
        except OSError as error:
            if error.errno in NO_ROOM:
                raise OutOfSpace(self.root) from error
            raise

    def settle(self, key: str, name: str) -> str:
        """Make what has arrived durable; the SHA-256 of it, in hexadecimal digits."""
        with self.writing(key, name) as stream, ThreadPoolExecutor(1) as beside:
            synced = beside.submit(os.fsync, stream.fileno())
            stream.seek(0)
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            synced.result()
            return digest

    def discard(self, key: str) -> None:
        """Remove a file, if it is there."""
        if _KEY.fullmatch(key):
            shutil.rmtree(self.root / key, ignore_errors=True)

    def keys(self, *, older_than_s: float) -> list[str]:
        """The keys of all files that were begun some seconds ago or earlier."""
        since = time.time() - older_than_s
        found = (path for path in self.root.glob("*") if _KEY.fullmatch(path.name))
        return sorted(path.name for path in found if path.stat().st_mtime <= since)


def _lock(stream: BufferedRandom, key: str) -> None:
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Conflict(
            f"somebody is writing to upload {key}", remedy="Ask again how far it is, in a moment"
        ) from None
