"""Ingesting a folder that was sent: as one that lies on this machine, with the same report."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from sqlalchemy import Engine, delete, select, update

from sdxl_reg.catalog.audit import note
from sdxl_reg.catalog.ingest import ingest as ingest_folder
from sdxl_reg.catalog.ingest_report import report_document
from sdxl_reg.catalog.portions import portions
from sdxl_reg.catalog.sent_folders.announcing import mark_missing, seen_digests, totals_of
from sdxl_reg.catalog.sent_folders.laying_out import laid_out
from sdxl_reg.catalog.sent_folders.sessions import (
    BUSY,
    find_ingest,
    ingest_options,
    is_quiet,
    locked_ingest,
)
from sdxl_reg.errors import Conflict, RegistryError, as_facts
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import reading, transaction
from sdxl_reg.tables import Ingest, IngestFile, now
from sdxl_reg.vocabulary import IngestState

_TOLD_EVERY_S = 1.0
_HEARTBEAT_S = 5.0


def ask_for(engine: Engine, key: str, *, files: int) -> bool:
    """Have a sent folder wait to be ingested; asking twice changes nothing.

    Args:
        engine: The database.
        key: Of the ingest.
        files: How many were announced, so that half a folder is not taken for all of it.

    Returns:
        Whether somebody has to carry it out now.

    Raises:
        NotFound: Who asks has none of that key.
        Conflict: Other files were announced, or some have not come.
    """
    with transaction(engine) as session:
        ingest = find_ingest(session, key)
        if ingest.state == IngestState.DONE or (ingest.state in BUSY and not is_quiet(ingest)):
            return False
        ingest = locked_ingest(session, key)
        announced, missing, _ = totals_of(session, ingest)
        if announced != files:
            raise Conflict(
                f"{announced} files were announced, and not {files}",
                remedy="Announce all of them, then ask for it again",
            )
        if missing:
            raise Conflict(
                f"{missing} files have not come", remedy=f"Send those of /ingests/{key}/missing"
            )
        ingest.state, ingest.error, ingest.report = IngestState.QUEUED, None, None
        ingest.done = ingest.total = 0
        ingest.doing = ""
    return True


def carry_out(
    engine: Engine,
    store: BlobStore,
    key: str,
    *,
    thumbnails: Path | None,
    stop: threading.Event,
) -> None:
    """Ingest a folder that was sent, and record how it ended; as whom the present task acts.

    Args:
        engine: The database.
        store: Holds what was sent; receives the blobs.
        key: Of the ingest.
        thumbnails: Folder that receives a small picture of each; none for no such pictures.
        stop: Set when it has to end; what was recorded stays, and it can be asked for again.
    """
    with reading(engine) as session:
        ingest = find_ingest(session, key)
    try:
        with _alive(engine, ingest):
            report = _ingested(engine, store, ingest, thumbnails, stop)
            _tidy(engine, store, ingest)
        _settle(engine, ingest, IngestState.DONE, report=report)
    except RegistryError as error:
        ended = IngestState.LOST if stop.is_set() else IngestState.FAILED
        _settle(engine, ingest, ended, error=as_facts(error))
    except Exception as error:
        _settle(engine, ingest, IngestState.FAILED, error=_unforeseen(error))
        raise


def _ingested(
    engine: Engine,
    store: BlobStore,
    ingest: Ingest,
    thumbnails: Path | None,
    stop: threading.Event,
) -> dict[str, Any]:
    with laid_out(engine, store, ingest) as found:
        if found.absent:
            _ask_again(engine, ingest, found.absent)
        report = ingest_folder(
            engine,
            store,
            found.root,
            options=ingest_options(ingest),
            thumbnails=thumbnails,
            progress=_progress(engine, ingest, stop),
            copied=found.copied,
        )
    return report_document(report)


def _ask_again(engine: Engine, ingest: Ingest, paths: Sequence[str]) -> NoReturn:
    """Ask for files anew that are not here any more."""
    _settle(engine, ingest, IngestState.OPEN)
    mark_missing(engine, ingest.key, paths)
    raise Conflict(
        f"{len(paths)} files are not here any more, or not to be seen",
        remedy="Send what is missing, and ask for it again",
    )


def _progress(
    engine: Engine, ingest: Ingest, stop: threading.Event
) -> Callable[[int, int, str], None]:
    """Writes down how far it is, at most once a second; raises where it has to end."""
    told = [0.0]

    def advance(done: int, total: int, what: str) -> None:
        if stop.is_set():
            raise Conflict("the server is shutting down", remedy="Ask for it again when it is up")
        if time.monotonic() - told[0] >= _TOLD_EVERY_S:
            told[0] = time.monotonic()
            _write(engine, ingest, done=done, total=total, doing=what[:64])

    return advance


@contextmanager
def _alive(engine: Engine, ingest: Ingest) -> Iterator[None]:
    """Say every few seconds that somebody is at work."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(_HEARTBEAT_S):
            _write(engine, ingest)

    _write(engine, ingest, state=IngestState.WORKING)
    thread = threading.Thread(target=beat, name="ingest-alive", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _write(engine: Engine, ingest: Ingest, **values: Any) -> None:
    with transaction(engine) as session:
        query = update(Ingest).where(Ingest.id == ingest.id)
        session.execute(query.values(touched_at=now(), **values))


def _settle(
    engine: Engine,
    ingest: Ingest,
    state: IngestState,
    *,
    report: dict[str, Any] | None = None,
    error: dict[str, Any] | None = None,
) -> None:
    with transaction(engine) as session:
        query = update(Ingest).where(Ingest.id == ingest.id)
        values = {"state": state, "report": report, "error": error, "touched_at": now()}
        session.execute(query.values(**values))
        if state in (IngestState.DONE, IngestState.FAILED):
            note(session, f"ingest.{state}", ingest.folder, origin=ingest.origin)


def _tidy(engine: Engine, store: BlobStore, ingest: Ingest) -> None:
    """Remove what has become a picture of the registry; the rest is kept, not to be sent again."""
    sent = store.sent(ingest.key)
    here = sorted(sent.digests())
    with reading(engine) as session:
        kept = set(here)
        for some in portions(here):
            kept -= seen_digests(session, some)
        of_it = IngestFile.ingest_id == ingest.id
        rows = session.execute(select(IngestFile.path, IngestFile.sha256).where(of_it)).all()
    for digest in here:
        if digest not in kept:
            sent.remove(digest)
    gone = [path for path, digest in rows if digest not in kept]
    with transaction(engine) as session:
        for some in portions(gone):
            session.execute(delete(IngestFile).where(of_it, IngestFile.path.in_(some)))


def _unforeseen(error: Exception) -> dict[str, Any]:
    text = f"{type(error).__name__}; the server's log has the details"
    return {"code": "internal", "text": text, "facts": {"message": text, "remedy": ""}}
