"""The blob store: bytes named by their SHA-256, written once and never changed.

Write order: temporary file → hash while copying → read-only → fsync → rename → fsync of the folder.
A crash at any point leaves either nothing or the whole blob, and at most a file below `incoming/`,
which `sweep` removes later.

A linked blob stays where its owner keeps it: the store holds a symbolic link in its place, and
`links/` what the file was when it was linked. It is looked at again whenever it is used.
"""

import errno
import hashlib
import os
import re
import secrets
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

from sdxl_reg.errors import NO_ROOM, Corrupt, InvalidValue, NotFound, OutOfSpace
from sdxl_reg.store.durable import make_folder, settle, sync
from sdxl_reg.store.links import check_link, cloned, remember_link
from sdxl_reg.store.quarantine import Quarantine
from sdxl_reg.store.sent import SentFolder

CHUNK_BYTES = 1 << 20
QUARANTINE = "uploads"
"""Folder of the store with files that are no blobs yet."""
SENT = "ingests"
"""Folder of the store with folders of pictures that are being sent."""
DIGEST = re.compile(r"[0-9a-f]{64}")
"""How a SHA-256 is written everywhere."""
_FOLDER = re.compile(r"[0-9a-f]{2}")
_NO_ROOM = NO_ROOM | {errno.EFBIG}


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
        self.root = root.absolute()

    def path(self, sha256: str) -> Path:
        """Where the bytes of a digest lie, whether or not they are there.

        Raises:
            InvalidValue: It is not 64 lower-case hexadecimal digits.
        """
        if not DIGEST.fullmatch(sha256):
            raise InvalidValue(
                "not a SHA-256", sha256, remedy="Give 64 lower-case hexadecimal digits"
            )
        return self.root / sha256[:2] / sha256[2:]

    @property
    def quarantine(self) -> Quarantine:
        """The files on their way in."""
        return Quarantine(self.root / QUARANTINE)

    def sent(self, key: str) -> SentFolder:
        """The files of a folder that is being sent; raises `InvalidValue` for what is no key."""
        return SentFolder(self.root / SENT, key)

    def has(self, sha256: str) -> bool:
        """Whether the store holds the bytes of a digest; raises as `path` does."""
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

    def put_copy(self, source: Path, data: bytes) -> StoredBlob:
        """Take the bytes of a file that was just read; raises as `put_file` does.

        Where the file system can have the blob share the file's blocks, no second copy is written.

        Args:
            source: The file.
            data: Its bytes.
        """
        sha256 = hashlib.sha256(data).hexdigest()
        with self._incoming() as (temporary, stream):
            if not cloned(source, stream, at=temporary, sha256=sha256):
                stream.write(data)
            return self._keep(temporary, stream, sha256, len(data))

    def put_link(self, source: Path, data: bytes) -> StoredBlob:
        """Point at a file instead of copying it; what is here already stays as it is.

        Args:
            source: The file, absolute.
            data: Its bytes, as they were just read.
        """
        sha256 = hashlib.sha256(data).hexdigest()
        target = self.path(sha256)
        is_new = not (target.exists() and _freshened(target))
        if is_new:
            make_folder(target.parent)
            remember_link(self._link_path(sha256), source)
            _link(source, target)
            sync(target.parent)
        return StoredBlob(sha256=sha256, size_bytes=len(data), is_new=is_new)

    def checked_path(self, sha256: str) -> Path:
        """Where the bytes of a digest lie, for who is going to read them there.

        Raises:
            InvalidValue: It is not a digest.
            NotFound: The store does not hold it, or the file it points at is gone.
            Corrupt: The file it points at was changed since it was ingested.
        """
        path = self.path(sha256)
        if path.is_symlink():
            check_link(path, self._link_path(sha256), sha256)
        return path

    def put_stream(self, source: BinaryIO) -> StoredBlob:
        """Take everything left in a stream; raises as `put_file` does."""
        with self._incoming() as (temporary, stream):
            sha256, size = _copied(source, stream)
            return self._keep(temporary, stream, sha256, size)

    def put_settled(self, source: Path, sha256: str) -> StoredBlob:
        """Take a file of the store's own, to which nobody writes any more.

        It is not copied: blob and file are one, by a hard link. Raises as `put_file` does.

        Args:
            source: The file, in the quarantine or a sent folder.
            sha256: What this process, or the one that brought it to the disk, found of its bytes.
        """
        temporary = self._incoming_path / f"settled-{secrets.token_hex(8)}"
        make_folder(self._incoming_path)
        try:
            temporary.hardlink_to(source)
        except OSError:  # a file system without such links
            return self.put_file(source)
        try:
            os.utime(temporary)  # for nobody to take it for an old blob that nothing needs
            with temporary.open("rb") as stream:
                return self._keep(temporary, stream, sha256, source.stat().st_size)
        finally:
            temporary.unlink(missing_ok=True)

    def open(self, sha256: str) -> BufferedReader:
        """A readable stream of a blob.

        Raises:
            InvalidValue: It is not a digest.
            NotFound: The store does not hold it.
            Corrupt: It is a linked file that was changed since it was ingested.
        """
        try:
            return self.checked_path(sha256).open("rb")
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
            raise Corrupt(
                self.path(sha256),
                f"its SHA-256 is {found}",
                remedy="Remove this file and ingest or import its source again",
            )

    def files(self) -> Iterator[Path]:
        """Every blob that lies in the store, links too, by digest."""
        for folder in sorted(self.root.glob("[0-9a-f][0-9a-f]")):
            yield from sorted(p for p in folder.iterdir() if DIGEST.fullmatch(digest_at(p)))

    def strays(self) -> Iterator[Path]:
        """What lies in the store and is no part of it."""
        for path in sorted(self.root.glob("*")):
            if path.name in ("incoming", "links", QUARANTINE, SENT):
                continue
            if not _FOLDER.fullmatch(path.name) or not path.is_dir():
                yield path
            else:
                yield from sorted(p for p in path.iterdir() if not DIGEST.fullmatch(digest_at(p)))

    def restore(self, sha256: str, source: BinaryIO) -> None:
        """Put the bytes of a digest in the place of whatever lies there.

        Args:
            sha256: The digest.
            source: The bytes.

        Raises:
            InvalidValue: It is not a digest.
            Corrupt: The source has other bytes; nothing was changed.
            OutOfSpace: The disk is full; nothing was changed.
        """
        target = self.path(sha256)
        with self._incoming() as (temporary, stream):
            found, _ = _copied(source, stream)
            if found != sha256:
                raise Corrupt(
                    sha256,
                    f"the bytes to restore it from have the SHA-256 {found}",
                    remedy="Take them from another backup",
                )
            stream.flush()
            settle(temporary, stream, target)

    def discard(self, sha256: str, *, older_than_s: float) -> bool:
        """Remove the bytes of a digest, unless somebody has put them lately.

        Args:
            sha256: The digest.
            older_than_s: Seconds since they were last put.

        Returns:
            Whether they were there and are gone.
        """
        path, aside = self.path(sha256), self._incoming_path / f"discarded-{sha256}"
        if not _is_older(path, older_than_s):
            return False
        make_folder(self._incoming_path)
        path.rename(aside)
        if not _is_older(aside, older_than_s):  # put again between the two looks
            aside.rename(path)
            return False
        aside.unlink()
        self._link_path(sha256).unlink(missing_ok=True)
        sync(path.parent)
        return True

    def materialise(self, files: Mapping[str, str], into: Path) -> None:
        """Lay blobs out as files under their names, by symbolic link; nothing is copied.

        Args:
            files: Relative path (with /) → SHA-256.
            into: Folder that receives them; made when it is not there.

        Raises:
            NotFound: A blob is not in the store.
            Corrupt: A linked file was changed.
            InvalidValue: A path leads out of the folder.
        """
        for name, sha256 in files.items():
            if not self.has(sha256):
                raise NotFound("blob", sha256, remedy=f"It is the file {name}; run: sdxl-reg fsck")
            target = _inside(into, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            _link(self.checked_path(sha256), target)

    def sweep(self, *, older_than_s: float = 3600) -> list[Path]:
        """Remove what crashed writers left below `incoming/`.

        Args:
            older_than_s: Seconds since the file was last written to; one that is being written is
                always younger.

        Returns:
            The files that are gone now.
        """
        gone = []
        for path in sorted(self._incoming_path.glob("*")):
            if time.time() - path.stat().st_mtime > older_than_s:
                path.unlink(missing_ok=True)
                gone.append(path)
        return gone

    def _link_path(self, sha256: str) -> Path:
        return self.root / "links" / sha256[:2] / f"{sha256[2:]}.json"

    @property
    def _incoming_path(self) -> Path:
        return self.root / "incoming"

    @contextmanager
    def _incoming(self) -> Iterator[tuple[Path, BinaryIO]]:
        try:
            make_folder(self._incoming_path)
            descriptor, name = tempfile.mkstemp(dir=self._incoming_path)
            temporary = Path(name)
            try:
                with os.fdopen(descriptor, "wb") as stream:
                    yield temporary, stream
            finally:
                temporary.unlink(missing_ok=True)
        except OSError as error:
            if error.errno in _NO_ROOM:
                raise OutOfSpace(self.root) from error
            raise

    def _keep(self, temporary: Path, stream: BinaryIO, sha256: str, size: int) -> StoredBlob:
        stream.flush()
        target = self.path(sha256)
        # A damaged blob, of another length, is replaced by the true one; a link by the bytes.
        is_new = target.is_symlink() or _size_of(target) != size or not _freshened(target)
        if is_new:
            settle(temporary, stream, target)
        else:
            sync(target.parent)  # its writer may not have come this far
        return StoredBlob(sha256=sha256, size_bytes=size, is_new=is_new)


def digest_at(path: Path) -> str:
    """The digest of the blob that lies at a path of a store."""
    return path.parent.name + path.name


def _copied(source: BinaryIO, target: BinaryIO) -> tuple[str, int]:
    """The digest and length of everything left in a stream, which is copied to another."""
    digest, size = hashlib.sha256(), 0
    while chunk := source.read(CHUNK_BYTES):
        digest.update(chunk)
        size += len(chunk)
        target.write(chunk)
    return digest.hexdigest(), size


def _is_older(path: Path, seconds: float) -> bool:
    """Whether a file is there and was last put longer ago than some seconds."""
    try:
        return time.time() - path.lstat().st_mtime > seconds
    except FileNotFoundError:
        return False


def _freshened(target: Path) -> bool:
    """Have a blob that is wanted again count as young, for nobody to discard; if it is there."""
    try:
        os.utime(target, follow_symlinks=False)
    except FileNotFoundError:  # it is being discarded at this moment
        return False
    return True


def _size_of(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def _inside(folder: Path, name: str) -> Path:
    if not name or name.startswith("/") or ".." in name.split("/"):
        raise InvalidValue("a file name that leads out of its folder", name, remedy="Rename it")
    return folder / name


def _link(blob: Path, target: Path) -> None:
    """Point a link at a blob; another process that does the same at this moment is no trouble."""
    if target.is_symlink() and target.readlink() == blob:
        return
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(blob)
    temporary.replace(target)
