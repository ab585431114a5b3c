"""Ingests of folders that are sent: begun, found, given up, and swept away when nobody goes on.

Only who sends a folder sees it. Its files are kept for a week after it was last touched, so that
what is sent again need not come again: captions and broken pictures are in no other place.
"""

import secrets
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, delete, select, update
from sqlalchemy.orm import Session

from sdxl_reg.catalog.access.visibility import present_viewer
from sdxl_reg.catalog.ingest_plan import IngestOptions
from sdxl_reg.catalog.intake import SENT_FROM
from sdxl_reg.catalog.references import checked_project
from sdxl_reg.catalog.sent_folders.paths import checked_folder
from sdxl_reg.errors import Conflict, NotFound
from sdxl_reg.imaging.decode import Limits
from sdxl_reg.store.blobs import SENT, BlobStore
from sdxl_reg.store.database import reading, transaction
from sdxl_reg.store.sent import sent_keys
from sdxl_reg.tables import Ingest, IngestFile, now
from sdxl_reg.vocabulary import IngestState

KEPT = timedelta(days=7)
"""After which nobody is going to go on with an ingest."""
BUSY = (IngestState.QUEUED, IngestState.WORKING)
"""States in which nothing may be sent."""
_QUIET = timedelta(seconds=30)  # after which who records is gone: a word comes every few seconds


def begin_ingest(
    session: Session,
    store: BlobStore,
    *,
    folder: str,
    place: str,
    options: Mapping[str, Any],
    project: str,
) -> Ingest:
    """Begin to send a folder.

    Args:
        session: The transaction.
        store: Will receive its files.
        folder: Its name, by which the set may be called.
        place: Machine and path, by which it is known again: `laptop/alice/products`.
        options: Of `ingest_options`.
        project: Of the sets that will be new.

    Raises:
        InvalidValue: The folder cannot be called so, or the project.
    """
    actor = who_asks()
    ingest = Ingest(
        key=secrets.token_hex(16),
        actor=actor,
        project=checked_project(project),
        folder=checked_folder(folder),
        origin=f"{SENT_FROM}{actor + '@' if actor else ''}{place.lstrip('/').rstrip('/')}",
        options=dict(options),
        closed={"folders": {}, "files": []},
    )
    session.add(ingest)
    session.flush()
    store.sent(ingest.key).begin()
    return ingest


def ingest_options(ingest: Ingest) -> IngestOptions:
    """How a folder is to be read, as `sdxl-reg ingest` takes it."""
    said = ingest.options
    return IngestOptions(
        as_name=said["as_name"],
        layout=said["layout"],
        caption=said["caption"],
        rehash="all" if said["rehash"] else "changed",
        limits=Limits(max_pixels=said["max_pixels"]),
        link=False,
        project=ingest.project,
        origin=ingest.origin,
    )


def find_ingest(session: Session, key: str) -> Ingest:
    """An ingest of who asks.

    Raises:
        NotFound: They have none of that key.
    """
    query = select(Ingest).where(Ingest.key == key, Ingest.actor == who_asks())
    ingest = session.scalar(query)
    if ingest is None:
        raise NotFound("ingest", key, remedy="Begin one")
    return ingest


def ingests_of(session: Session) -> Sequence[Ingest]:
    """The ingests of who asks, newest first; at most a hundred."""
    query = select(Ingest).where(Ingest.actor == who_asks()).order_by(Ingest.id.desc())
    return session.scalars(query.limit(100)).all()


def locked_ingest(session: Session, key: str) -> Ingest:
    """An ingest of who asks that is being sent, locked until the end of the transaction.

    Raises:
        NotFound: They have none of that key.
        Conflict: It is being recorded.
    """
    found = find_ingest(session, key)
    number, was_quiet = found.id, is_quiet(found)
    session.execute(update(Ingest).where(Ingest.id == number).values(touched_at=now()))
    ingest = session.get_one(Ingest, number, populate_existing=True)
    if ingest.state in BUSY and not was_quiet:
        raise Conflict(f"ingest {key} is {ingest.state}", remedy="Wait for it, or begin another")
    return ingest


def is_quiet(ingest: Ingest) -> bool:
    """Whether nobody has said a word of an ingest for some time."""
    return ingest.touched_at < now() - _QUIET


def forget_ingest(engine: Engine, store: BlobStore, key: str) -> None:
    """Give an ingest up; what it has recorded stays.

    Raises:
        NotFound: They have none of that key.
        Conflict: It is being recorded.
    """
    with transaction(engine) as session:
        ingest = locked_ingest(session, key)
        _delete(session, [ingest.id])
    store.sent(key).discard()


def sweep_ingests(engine: Engine, store: BlobStore, *, older_than: timedelta = KEPT) -> int:
    """Remove ingests that nobody has gone on with, and files of none.

    Args:
        engine: The database.
        store: Holds the files.
        older_than: Since they were last touched.

    Returns:
        How many folders of files are gone.
    """
    with transaction(engine) as session:
        old = select(Ingest.id).where(Ingest.touched_at < now() - older_than)
        _delete(session, session.scalars(old).all())
    root = store.root / SENT
    with reading(engine) as session:
        known = set(session.scalars(select(Ingest.key)))
    gone = [key for key in sent_keys(root, older_than_s=3600) if key not in known]
    for key in gone:
        store.sent(key).discard()
    for key in known:
        store.sent(key).tidy(older_than_s=24 * 3600)
    return len(gone)


def who_asks() -> str:
    """The name of who asks; empty where nobody has to sign in."""
    viewer = present_viewer()
    return viewer.name if viewer is not None else ""


def _delete(session: Session, numbers: Sequence[int]) -> None:
    session.execute(delete(IngestFile).where(IngestFile.ingest_id.in_(numbers)))
    session.execute(delete(Ingest).where(Ingest.id.in_(numbers)))
