"""Laying a sent folder out as a folder: its files by hard link, out of what was sent and the store.

What is not here, or not wanted, has an empty file in its place: an ingest tells it by its name, and
never opens it.
"""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, Row, select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.portions import portions
from sdxl_reg.catalog.sent_folders.announcing import seen_digests
from sdxl_reg.errors import InvalidValue
from sdxl_reg.imaging.copies import CopiedFolder, FileFacts, facts_of_bytes
from sdxl_reg.imaging.decode import Limits
from sdxl_reg.imaging.names import as_path
from sdxl_reg.imaging.problems import from_document
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import reading
from sdxl_reg.store.sent import SentFolder, link_or_copy
from sdxl_reg.tables import Ingest, IngestFile


@dataclass(frozen=True, kw_only=True)
class LaidOut:
    """A sent folder on this machine.

    Attributes:
        root: Where it lies.
        copied: What its files are.
        digests: Path → SHA-256, of all files of which it is known.
        absent: Paths of files whose bytes are wanted and are not here.
    """

    root: Path
    copied: CopiedFolder
    digests: Mapping[str, str]
    absent: Sequence[str]


@contextmanager
def laid_out(engine: Engine, store: BlobStore, ingest: Ingest) -> Iterator[LaidOut]:
    """A sent folder, for as long as the context lasts.

    Args:
        engine: The database; who asks sees in it what they may see at this moment.
        store: Holds the bytes.
        ingest: The ingest.

    Raises:
        InvalidValue: A path is announced as a file and as a folder.
        OutOfSpace: The disk is full.
    """
    with reading(engine) as session:
        rows = _rows(session, ingest)
        sent = store.sent(ingest.key).digests()
        wanted = {row.sha256 for row in rows if row.sha256 is not None} - sent
        seen = {
            digest for some in portions(sorted(wanted)) for digest in seen_digests(session, some)
        }
    folders = ingest.closed["folders"]
    with store.sent(ingest.key).tree(ingest.folder) as root:
        yield LaidOut(
            root=root,
            absent=_filled(root, rows, store, store.sent(ingest.key), sent, seen, folders),
            digests={row.path: row.sha256 for row in rows if row.sha256 is not None},
            copied=CopiedFolder(
                label=ingest.folder,
                files={row.path: _facts(row) for row in rows},
                closed={path: from_document(told) for path, told in folders.items()},
                unread=frozenset(ingest.closed["files"]),
            ),
        )


def _rows(session: Session, ingest: Ingest) -> Sequence[Row[*tuple[str, str | None, int, bool]]]:
    query = select(IngestFile.path, IngestFile.sha256, IngestFile.size_bytes, IngestFile.is_here)
    query = query.where(IngestFile.ingest_id == ingest.id).order_by(IngestFile.path)
    return session.execute(query).all()


def _facts(row: Row[*tuple[str, str | None, int, bool]]) -> FileFacts:
    if row.sha256 is not None:
        return facts_of_bytes(row.sha256, row.size_bytes)
    return FileFacts(size_bytes=row.size_bytes, mtime_ns=0, inode=0)


def _filled(
    root: Path,
    rows: Sequence[Row[*tuple[str, str | None, int, bool]]],
    store: BlobStore,
    sent: SentFolder,
    at_hand: AbstractSet[str],
    seen: AbstractSet[str],
    closed: Mapping[str, object],
) -> list[str]:
    """Fill a folder; the paths of what is wanted and not here."""
    made: set[Path] = {root}
    absent = []
    for name in closed:
        _make(root / as_path(name), made, name)
    for row in rows:
        target = root / as_path(row.path)
        _make(target.parent, made, row.path)
        source = None
        if row.sha256 in at_hand:
            source = sent.path(row.sha256)
        elif row.sha256 in seen:
            source = store.path(row.sha256)
        try:
            if source is None or not _placed(source, target):
                with target.open("xb"):
                    pass
                if row.sha256 is not None or not row.is_here:
                    absent.append(row.path)
                else:
                    os.truncate(target, min(row.size_bytes, Limits().max_bytes + 1))
        except (FileExistsError, IsADirectoryError):
            raise _both(row.path) from None
    return absent


def _placed(source: Path, target: Path) -> bool:
    """Whether a file is here, and is now there as well."""
    try:
        if source.is_symlink():  # a linked blob: the file of somebody, which may be written to
            shutil.copyfile(source, target)
        else:
            link_or_copy(source, target)
    except FileNotFoundError:
        return False
    return True


def _make(folder: Path, made: set[Path], path: str) -> None:
    if folder not in made:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise _both(path) from None
        made.add(folder)


def _both(path: str) -> InvalidValue:
    return InvalidValue("announced as a file and as a folder", path, remedy="Announce what it is")
