"""Backup: a whole registry as one file, whatever its database, and a registry from such a file.

The file is an uncompressed tar: `registry.json` (what it is), `registry.db` (every row, as SQLite),
`blobs/ab/cdef…` (the bytes), `end.json` (what it came to). Every program that reads tar gets at the
pictures and versions.
"""

import io
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from sqlalchemy import Connection, Engine, func, select

from sdxl_reg import __version__
from sdxl_reg.catalog.audit import note
from sdxl_reg.catalog.integrity.faults import Advance
from sdxl_reg.errors import NO_ROOM, Conflict, Corrupt, InvalidValue, NotFound, OutOfSpace
from sdxl_reg.evaluation.whole_files import whole_file
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import connect, newest_revision, snapshot, transaction, upgrade
from sdxl_reg.store.transfer import copy_rows, is_empty
from sdxl_reg.tables import Blob, now

FORMAT = 1
_ABOUT, _ROWS, _BLOBS, _END = "registry.json", "registry.db", "blobs/", "end.json"


@dataclass(frozen=True, kw_only=True)
class BackupReport:
    """What a backup holds, or what came back from one.

    Attributes:
        rows: Of all tables together.
        blobs: How many.
        size_bytes: Their bytes.
        left_out: Digests of blobs that are damaged or lost and could not go along.
    """

    rows: int
    blobs: int
    size_bytes: int
    left_out: tuple[str, ...]


def back_up(engine: Engine, store: BlobStore, target: Path, advance: Advance) -> BackupReport:
    """Write a registry into one file, which appears whole; others may go on working meanwhile.

    Args:
        engine: The database.
        store: Holds the bytes; linked pictures go along as bytes.
        target: The file; its folder must exist.
        advance: Told after each blob.

    Raises:
        Conflict: The file is there already.
        NotFound: Its folder is not there.
        OutOfSpace: The disk is full; nothing is left of it.
    """
    if target.exists():
        raise Conflict(f"{target} is there already", remedy="Give another name, or remove it")
    if not target.parent.is_dir():
        raise NotFound("folder", target.parent, remedy="Make it first")
    try:
        with (
            whole_file(target) as aside,
            aside.open("wb") as stream,
            tempfile.TemporaryDirectory(dir=target.parent) as scratch,
        ):
            rows = Path(scratch) / _ROWS
            with snapshot(engine) as source:
                count = _copied_to_file(source, rows)
            report = _packed(stream, rows, store, count, advance)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        if error.errno in NO_ROOM:
            raise OutOfSpace(target.parent) from error
        raise
    with transaction(engine) as session:
        note(session, "registry.backed_up", target.name, blobs=report.blobs)
    return report


def restore(engine: Engine, store: BlobStore, source: Path, advance: Advance) -> BackupReport:
    """Fill an empty registry from a backup: first bytes, each compared with its name, then rows.

    Args:
        engine: Its database, with tables; SQLite or PostgreSQL, whichever the backup is of.
        store: Receives the bytes.
        source: The file.
        advance: Told after each blob.

    Raises:
        NotFound: There is no such file.
        Conflict: The registry is not empty, or the backup is of a newer release.
        InvalidValue: It is no backup.
        Corrupt: Bytes in it are not what they are named by; no row was written.
        OutOfSpace: The disk is full; no row was written.
    """
    with engine.connect() as connection:
        if not is_empty(connection):
            raise Conflict(
                "the registry is not empty",
                remedy="Restore into a new one: SDXL_REG_HOME=FOLDER sdxl-reg restore FILE",
            )
    with tempfile.TemporaryDirectory() as scratch, _opened(source) as archive:
        rows = Path(scratch) / _ROWS
        total = _read_head(archive, source, rows)
        end, size = None, 0
        for done, (name, length, stream) in enumerate(_entries(archive)):
            if name == _END:
                end = json.load(stream)
            elif name.startswith(_BLOBS):
                store.restore(name.removeprefix(_BLOBS).replace("/", ""), stream)
                size += length
                advance(done + 1, total, "restoring blobs")
        if end is None:
            raise Corrupt(source, "its end is missing", remedy="Copy it again from its origin")
        backup = connect(f"sqlite:///{rows}")
        upgrade(backup)  # it may be of an older release
        with transaction(engine) as session, snapshot(backup) as connection:
            counts = copy_rows(connection, session.connection())
            note(session, "registry.restored", source.name, blobs=end["blobs"])
        backup.dispose()
    return BackupReport(
        rows=sum(counts.values()),
        blobs=end["blobs"],
        size_bytes=size,
        left_out=tuple(end["left_out"]),
    )


def _copied_to_file(source: Connection, target: Path) -> int:
    """Every row, in a SQLite file of its own; how many."""
    engine = connect(f"sqlite:///{target}")
    upgrade(engine)
    with transaction(engine) as session:
        counts = copy_rows(source, session.connection())
    engine.dispose()  # the last to leave writes the log into the file
    return sum(counts.values())


def _packed(
    stream: BinaryIO, rows: Path, store: BlobStore, count: int, advance: Advance
) -> BackupReport:
    """Everything into the tar: rows, the blobs that these rows name, and what it came to."""
    left_out: list[str] = []
    blobs = size = 0
    engine = connect(f"sqlite:///{rows}")
    with (
        tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as archive,
        snapshot(engine) as connection,
    ):
        total = connection.scalar(select(func.count()).select_from(Blob)) or 0
        about = {
            "format": FORMAT,
            "program": f"sdxl-reg {__version__}",
            "revision": newest_revision(),
            "blobs": total,
            "made_at": now().isoformat(timespec="seconds"),
        }
        _add(archive, _ABOUT, json.dumps(about, indent=2).encode())
        archive.add(rows, _ROWS, filter=_plain)
        query = select(Blob.sha256, Blob.size_bytes).order_by(Blob.id)
        for done, (digest, length) in enumerate(connection.execute(query), start=1):
            if _is_whole(store, digest):
                with store.open(digest) as blob:
                    entry = tarfile.TarInfo(f"{_BLOBS}{digest[:2]}/{digest[2:]}")
                    entry.size = length
                    archive.addfile(entry, blob)
                blobs, size = blobs + 1, size + length
            else:
                left_out.append(digest)
            advance(done, total, "packing blobs")
        report = BackupReport(rows=count, blobs=blobs, size_bytes=size, left_out=tuple(left_out))
        end = {"rows": count, "blobs": blobs, "bytes": size, "left_out": left_out}
        _add(archive, _END, json.dumps(end).encode())
    engine.dispose()
    return report


def _is_whole(store: BlobStore, digest: str) -> bool:
    try:
        store.verify(digest)
    except (NotFound, Corrupt):
        return False
    return True


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    archive.addfile(entry, io.BytesIO(data))


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Without who and when: the same registry gives nearly the same file."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


@contextmanager
def _opened(source: Path) -> Iterator[tarfile.TarFile]:
    """A tar to be read once from front to end.

    Raises:
        NotFound: There is no such file.
        InvalidValue: It is no tar.
        Corrupt: It ends in the middle.
    """
    try:
        archive = tarfile.open(source, mode="r|")  # noqa: SIM115
    except FileNotFoundError:
        raise NotFound("backup", source, remedy="Give the path of a file") from None
    except (tarfile.TarError, OSError) as error:
        raise _no_backup(source) from error
    with archive:
        try:
            yield archive
        except (tarfile.ReadError, EOFError) as error:
            raise Corrupt(
                source, f"it cannot be read to its end ({error})", remedy="Copy it again"
            ) from error


def _entries(archive: tarfile.TarFile) -> Iterator[tuple[str, int, BinaryIO]]:
    """Name, length and bytes of the files in a tar; links and folders are nothing to us."""
    for entry in archive:
        stream = archive.extractfile(entry) if entry.isreg() else None
        if stream is not None:
            yield entry.name, entry.size, cast("BinaryIO", stream)


def _read_head(archive: tarfile.TarFile, source: Path, rows: Path) -> int:
    """Look at what the file says of itself and take its rows; how many blobs follow."""
    about: dict[str, Any] = {}
    for name, _, stream in _entries(archive):
        if name == _ABOUT:
            about = json.load(stream)
        elif name == _ROWS and about.get("format") == FORMAT:
            with rows.open("wb") as target:
                shutil.copyfileobj(stream, target)
            break
        else:
            raise _no_backup(source)
    if not rows.is_file():
        raise _no_backup(source)
    if about["revision"] > newest_revision():
        raise Conflict(
            f"{source.name} was made by {about['program']}, which is newer",
            remedy="Install that release of sdxl-reg, or a newer one",
        )
    return int(about["blobs"])


def _no_backup(source: Path) -> InvalidValue:
    return InvalidValue(
        "no backup of sdxl-reg", source, remedy="Give a file that sdxl-reg backup has written"
    )
