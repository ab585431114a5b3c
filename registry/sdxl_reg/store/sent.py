"""Folders of pictures on their way in: their files by digest, beside the blobs and none of them.

A file is written under a name of its own, hashed while it comes, brought to the disk, and only then
called by its SHA-256. What carries such a name is whole and is never written to again.
"""

import hashlib
import os
import re
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from sdxl_reg.errors import NO_ROOM, InvalidValue, OutOfSpace
from sdxl_reg.store.durable import sync

_KEY = re.compile(r"[0-9a-f]{32}")
_FILES, _TREES, _PART = "files", "trees", "part-"
_SYNCING = 4  # threads: a disk takes several such requests in the time of one


class ArrivingFile:
    """A file that is being written.

    Attributes:
        path: Where it lies.
        size_bytes: How much of it is there.
    """

    def __init__(self, folder: Path) -> None:
        descriptor, name = tempfile.mkstemp(dir=folder, prefix=_PART)
        self.path = Path(name)
        self.size_bytes = 0
        self._stream: BinaryIO = os.fdopen(descriptor, "wb")
        self._digest = hashlib.sha256()

    def write(self, data: bytes | memoryview) -> None:
        """Add bytes to it."""
        self._digest.update(data)
        self._stream.write(data)
        self.size_bytes += len(data)

    def close(self) -> str:
        """The SHA-256 of what was written."""
        self._stream.close()
        return self._digest.hexdigest()

    def drop(self) -> None:
        """Remove it."""
        self._stream.close()
        self.path.unlink(missing_ok=True)


class SentFolder:
    """The files of one folder that is being sent.

    Args:
        root: Folder of all of them.
        key: Of this one.

    Raises:
        InvalidValue: The key is none.
    """

    def __init__(self, root: Path, key: str) -> None:
        if not _KEY.fullmatch(key):
            raise InvalidValue("not an ingest", key, remedy="Begin one")
        self._root = root
        self._folder = root / key
        self._files = self._folder / _FILES

    def begin(self) -> None:
        """Make its folder."""
        self._files.mkdir(parents=True, exist_ok=True)

    def free_bytes(self) -> int:
        """How much room there is on its disk."""
        return shutil.disk_usage(self._files).free

    def arriving(self) -> ArrivingFile:
        """A new file, to be written."""
        with _room(self._root):
            self.begin()
            return ArrivingFile(self._files)

    def settle(self, arrived: Iterable[tuple[str, Path]]) -> None:
        """Call files by their digest, once they are on the disk for good.

        Args:
            arrived: SHA-256 and where the file lies, of each.

        Raises:
            OutOfSpace: The disk is full.
        """
        files = list(arrived)
        with _room(self._root), ThreadPoolExecutor(_SYNCING) as pool:
            list(pool.map(sync, (path for _, path in files)))
            for sha256, path in files:
                path.chmod(0o444)
                path.replace(self._files / sha256)
            sync(self._files)

    def path(self, sha256: str) -> Path:
        """Where the file of a digest lies, whether or not it is there."""
        return self._files / sha256

    def digests(self) -> set[str]:
        """The digests of all files that are there."""
        with suppress(FileNotFoundError):
            return {e.name for e in os.scandir(self._files) if not e.name.startswith(_PART)}
        return set()

    def borrow(self, sha256: str, other: "SentFolder") -> bool:
        """Have a file of another such folder as well; whether it was there."""
        try:
            link_or_copy(other.path(sha256), self.path(sha256))
        except FileExistsError:
            return True
        except FileNotFoundError:
            return False
        return True

    def remove(self, sha256: str) -> None:
        """Remove the file of a digest, if it is there."""
        self.path(sha256).unlink(missing_ok=True)

    @contextmanager
    def tree(self, name: str) -> Iterator[Path]:
        """An empty folder of a name, for as long as the context lasts.

        Raises:
            OutOfSpace: The disk is full.
        """
        top = self._folder / _TREES / uuid.uuid4().hex
        root = top / name
        try:
            with _room(self._root):
                root.mkdir(parents=True)
                yield root
        finally:
            shutil.rmtree(top, ignore_errors=True)

    def discard(self) -> None:
        """Remove all of it."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def tidy(self, *, older_than_s: float) -> None:
        """Remove what writers that were killed have left behind."""
        for path in (*self._files.glob(f"{_PART}*"), *(self._folder / _TREES).glob("*")):
            with suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > older_than_s:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()


def sent_keys(root: Path, *, older_than_s: float) -> list[str]:
    """The keys of all sent folders that have not changed for some seconds.

    Args:
        root: Folder of all of them.
        older_than_s: How long.
    """
    since = time.time() - older_than_s
    found = (path for path in root.glob("*") if _KEY.fullmatch(path.name))
    return sorted(path.name for path in found if path.stat().st_mtime <= since)


def link_or_copy(source: Path, target: Path) -> None:
    """Have a file in a second place, by a hard link where that can be; never instead of another.

    Raises:
        FileNotFoundError: It is not there.
        FileExistsError: Another is in its place.
        OSError: Neither can be done.
    """
    try:
        os.link(source, target)
    except (FileNotFoundError, FileExistsError):
        raise
    except OSError:  # too many links, or a file system without
        with source.open("rb") as found, target.open("xb") as made:
            shutil.copyfileobj(found, made)


@contextmanager
def _room(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in NO_ROOM:
            raise OutOfSpace(root) from error
        raise
