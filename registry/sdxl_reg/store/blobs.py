"""The blob store: bytes named by their SHA-256, written once and never changed.

Write order: temporary file → hash while copying → fsync → read-only → rename → fsync of the folder.
A crash at any point leaves either nothing or the whole blob, and at most a file below `incoming/`.
"""

import errno
import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from sdxl_reg.errors import Corrupt, NotFound, OutOfSpace

CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class StoredBlob:
    """What the store computed of bytes it took.

    Attributes:
        sha256: 64 lower-case hexadecimal digits.
        size_bytes: Length.
        is_new: Whether the store did not have these bytes before.
    """

    sha256: str
    size_bytes: int
    is_new: bool


class BlobStore:
    """Blobs in a folder: `ab/cdef…` holds the bytes whose SHA-256 is `abcdef…`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, sha256: str) -> Path:
        """Where the bytes of a digest lie, whether or not they are there."""
        return self.root / sha256[:2] / sha256[2:]

    def has(self, sha256: str) -> bool:
        """Whether the store holds the bytes of a digest."""
        return self.path(sha256).is_file()

    def put_file(self, source: Path) -> StoredBlob:
        """Take the bytes of a file, which is only read.

        Raises:
            OutOfSpace: The disk is full; nothing was kept.
        """
        with source.open("rb") as stream:
            return self.put_stream(stream)

    def put_bytes(self, data: bytes) -> StoredBlob:
        """Take bytes from memory; raises as `put_file` does."""
        with self._incoming() as (temporary, stream):
            stream.write(data)
            return self._keep(temporary, stream, hashlib.sha256(data).hexdigest(), len(data))

    def put_stream(self, source: BinaryIO) -> StoredBlob:
        """Take everything left in a stream; raises as `put_file` does."""
        digest, size = hashlib.sha256(), 0
        with self._incoming() as (temporary, stream):
            while chunk := source.read(CHUNK_BYTES):
                digest.update(chunk)
                size += len(chunk)
                stream.write(chunk)
            return self._keep(temporary, stream, digest.hexdigest(), size)

    def open(self, sha256: str) -> BinaryIO:
        """A readable stream of a blob.

        Raises:
            NotFound: The store does not hold it.
        """
        try:
            return self.path(sha256).open("rb")
        except FileNotFoundError:
            raise NotFound("blob", sha256, remedy="Run: sdxl-reg fsck") from None

    def read(self, sha256: str) -> bytes:
        """All bytes of a blob; raises as `open` does."""
        with self.open(sha256) as stream:
            return stream.read()

    def verify(self, sha256: str) -> None:
        """Read a blob and compare it with its name.

        Raises:
            NotFound: The store does not hold it.
            Corrupt: Its bytes have another digest.
        """
        with self.open(sha256) as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        if found != sha256:
            raise Corrupt(self.path(sha256), f"its SHA-256 is {found}")

    def materialise(self, files: Mapping[str, str], into: Path) -> None:
        """Lay blobs out as files under their names, by symbolic link; nothing is copied.

        Args:
            files: Relative path (with /) → SHA-256.
            into: Folder that receives them; made when it is not there.

        Raises:
            NotFound: A blob is not in the store.
        """
        for name, sha256 in files.items():
            if not self.has(sha256):
                raise NotFound("blob", sha256, remedy=f"It is the file {name}; run: sdxl-reg fsck")
            target = into / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            target.symlink_to(self.path(sha256))

    @contextmanager
    def _incoming(self) -> Iterator[tuple[Path, BinaryIO]]:
        folder = self.root / "incoming"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=folder)
            temporary = Path(name)
            try:
                with os.fdopen(descriptor, "wb") as stream:
                    yield temporary, stream
            finally:
                temporary.unlink(missing_ok=True)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise OutOfSpace(self.root) from error
            raise

    def _keep(self, temporary: Path, stream: BinaryIO, sha256: str, size: int) -> StoredBlob:
        target = self.path(sha256)
        if target.exists():
            return StoredBlob(sha256=sha256, size_bytes=size, is_new=False)
        stream.flush()
        os.fsync(stream.fileno())
        temporary.chmod(0o444)
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.rename(target)
        _sync_folder(target.parent)
        return StoredBlob(sha256=sha256, size_bytes=size, is_new=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
