"""Announcing the files of a folder: which of them have to be sent, and which are known here.

The bytes of a digest count as known if who asks may see an image of them, or has sent them before.
That others have them is not told: whoever knows only a digest would else come to a picture.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from sqlalchemy import Engine, delete, func, insert, select, update
from sqlalchemy.orm import Session

from sdxl_reg.catalog.portions import portions
from sdxl_reg.catalog.sent_folders.paths import checked_path, is_wanted
from sdxl_reg.catalog.sent_folders.sessions import locked_ingest, who_asks
from sdxl_reg.errors import InvalidValue, UsageError
from sdxl_reg.imaging.decode import Limits
from sdxl_reg.imaging.ignore import IGNORE_NAME
from sdxl_reg.imaging.problems import Code, Problem, Stage, as_document
from sdxl_reg.store.blobs import DIGEST, BlobStore
from sdxl_reg.store.database import transaction
from sdxl_reg.tables import Blob, Image, Ingest, IngestFile
from sdxl_reg.vocabulary import IngestState

MAX_FILES = 1_000_000
_SPARE_BYTES = 256 << 20  # room that is left for everything else


@dataclass(frozen=True, kw_only=True)
class AnnouncedFile:
    """A file of a folder.

    Attributes:
        path: Relative to the folder, with /.
        size_bytes: Its length.
        sha256: Of its bytes; None where the sender cannot compute it.
    """

    path: str
    size_bytes: int
    sha256: str | None


def announce_files(
    engine: Engine,
    store: BlobStore,
    key: str,
    files: Sequence[AnnouncedFile],
    *,
    closed: Mapping[str, str],
    unread: Sequence[str] = (),
) -> list[str]:
    """Announce some files of a folder; those announced before under the same path are replaced.

    Args:
        engine: The database.
        store: Receives the files.
        key: Of the ingest.
        files: The files.
        closed: Folders that could not be listed → why, as a sentence; what is recorded of them
            is not taken for gone.
        unread: Files that are there and could not be read; they are not taken for gone either.

    Returns:
        Paths of files that have to be sent, for each digest one.

    Raises:
        NotFound: No such ingest.
        Conflict: It is being recorded.
        InvalidValue: A path is not plain, a digest is none, or a file is too long.
        UsageError: There is no room for them.
    """
    rows = {file.path: _checked(file) for file in files}
    for path in (*closed, *unread):
        checked_path(path)
    with transaction(engine) as session:
        ingest = locked_ingest(session, key)
        digests = {row.sha256 for row in rows.values() if row.sha256 and is_wanted(row.path)}
        known = known_digests(session, store, ingest, digests)
        values = [_row(ingest, file, known) for file in rows.values()]
        _require_room(store, key, [v for v in values if not v["is_here"]])
        for some in portions(rows):
            here = (IngestFile.ingest_id == ingest.id, IngestFile.path.in_(some))
            session.execute(delete(IngestFile).where(*here))
        if values:
            session.execute(insert(IngestFile), values)
        _require_few(session, ingest)
        ingest.closed = {
            "folders": {**ingest.closed["folders"], **_closed(closed)},
            "files": sorted({*ingest.closed["files"], *unread}),
        }
        if ingest.state != IngestState.OPEN:  # more is sent to what was done, or had failed
            ingest.state, ingest.report, ingest.error = IngestState.OPEN, None, None
    return _first_of_each([v for v in values if not v["is_here"]])


def missing_files(session: Session, ingest: Ingest, limit: int) -> list[str]:
    """Paths of announced files that have to be sent, for each digest one.

    Those that say what is to be ignored come first.

    Args:
        session: Knows what was announced.
        ingest: Of who asks.
        limit: How many at most.
    """
    here = (IngestFile.ingest_id == ingest.id, IngestFile.is_here.is_(False))
    ignoring = IngestFile.path.endswith(IGNORE_NAME, autoescape=True)
    query = select(IngestFile.path, IngestFile.sha256).where(*here)
    rows = session.execute(query.order_by(ignoring.desc(), IngestFile.path).limit(limit))
    return _first_of_each([{"path": path, "sha256": sha256} for path, sha256 in rows])


def totals_of(session: Session, ingest: Ingest) -> tuple[int, int, int]:
    """How many files of an ingest are announced, how many have to be sent, and their bytes."""
    of_it = IngestFile.ingest_id == ingest.id
    files = session.scalar(select(func.count()).select_from(IngestFile).where(of_it)) or 0
    size = func.coalesce(func.sum(IngestFile.size_bytes), 0)
    query = select(func.count(), size).where(of_it, IngestFile.is_here.is_(False))
    missing, missing_bytes = session.execute(query).one()
    return files, missing, int(missing_bytes)


def known_digests(
    session: Session, store: BlobStore, ingest: Ingest, digests: AbstractSet[str]
) -> set[str]:
    """Which bytes who asks has here: seen as an image, or sent for this ingest or an earlier one.

    What was sent for an earlier one becomes a file of this one too.

    Args:
        session: Sees what they see.
        store: Holds the bytes.
        ingest: Of who asks.
        digests: The digests in question.
    """
    sent = store.sent(ingest.key)
    known = set(digests & sent.digests())
    for some in portions(sorted(digests - known)):
        known |= {digest for digest in seen_digests(session, some) if store.has(digest)}
    for some in portions(sorted(digests - known)):
        query = (
            select(IngestFile.sha256, Ingest.key)
            .join(Ingest, Ingest.id == IngestFile.ingest_id)
            .where(Ingest.actor == who_asks(), Ingest.id != ingest.id)
            .where(IngestFile.sha256.in_(some), IngestFile.is_here.is_(True))
        )
        for digest, other in session.execute(query).all():
            if digest and digest not in known and sent.borrow(digest, store.sent(other)):
                known.add(digest)
    return known


def seen_digests(session: Session, digests: Sequence[str]) -> set[str]:
    """Which bytes are of an image that who asks may see.

    Args:
        session: Sees what they see.
        digests: Some hundred.
    """
    query = select(Blob.sha256).join(Image, Image.blob_id == Blob.id)
    return set(session.scalars(query.where(Blob.sha256.in_(digests))))


def mark_missing(engine: Engine, key: str, paths: Sequence[str]) -> None:
    """Ask for files anew of which the bytes are gone, or not to be seen any more.

    Args:
        engine: The database.
        key: Of the ingest.
        paths: The files.
    """
    with transaction(engine) as session:
        ingest = locked_ingest(session, key)
        for some in portions(paths):
            here = (IngestFile.ingest_id == ingest.id, IngestFile.path.in_(some))
            session.execute(update(IngestFile).where(*here).values(is_here=False))


def _checked(file: AnnouncedFile) -> AnnouncedFile:
    checked_path(file.path)
    if file.sha256 is not None and not DIGEST.fullmatch(file.sha256):
        raise InvalidValue("not a SHA-256", file.sha256, remedy="Give 64 lower-case hex digits")
    if file.size_bytes < 0:
        raise InvalidValue("length of a file", file.size_bytes, remedy="Give its bytes")
    return file


def _row(ingest: Ingest, file: AnnouncedFile, known: AbstractSet[str]) -> dict[str, object]:
    """A row; of what is not wanted, or too long to be read, nothing has to come."""
    is_of_use = is_wanted(file.path) and file.size_bytes <= Limits().max_bytes
    return {
        "ingest_id": ingest.id,
        "path": file.path,
        "sha256": file.sha256 if is_of_use else None,
        "size_bytes": file.size_bytes,
        "is_here": not is_of_use or file.sha256 in known,
    }


def _first_of_each(rows: Sequence[Mapping[str, object]]) -> list[str]:
    """One path for each digest; every path of which none is known."""
    seen: set[object] = set()
    found = []
    for row in rows:
        if row["sha256"] is None or row["sha256"] not in seen:
            seen.add(row["sha256"])
            found.append(str(row["path"]))
    return found


def _closed(folders: Mapping[str, str]) -> dict[str, dict[str, str]]:
    return {
        path: as_document(
            Problem(path=path, stage=Stage.SCAN, code=Code.UNREADABLE, message=message)
        )
        for path, message in folders.items()
    }


def _require_room(store: BlobStore, key: str, rows: Sequence[Mapping[str, object]]) -> None:
    wanted = sum(int(str(row["size_bytes"])) for row in rows)
    sent = store.sent(key)
    sent.begin()
    room = max(sent.free_bytes() - _SPARE_BYTES, 0)
    if wanted > room:
        raise UsageError(
            f"no room for {wanted:,} bytes: {room:,} are left",
            remedy="Have somebody make room where the registry lies: sdxl-reg gc",
        )


def _require_few(session: Session, ingest: Ingest) -> None:
    count = totals_of(session, ingest)[0]
    if count > MAX_FILES:
        raise InvalidValue("files in one folder", count, remedy=f"Send at most {MAX_FILES:,}")
