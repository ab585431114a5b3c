"""Uploads: files that somebody sends, kept apart until they are whole, checked and taken in.

An upload is announced with its SHA-256 and length, grows piece by piece, and is then hashed and
scanned here: what was announced is not believed. Only its sender sees it.
"""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import BinaryIO

from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from sdxl_reg.catalog.access.visibility import present_viewer
from sdxl_reg.catalog.artifacts import find_version, version_ref
from sdxl_reg.catalog.audit import note
from sdxl_reg.catalog.imports import import_file
from sdxl_reg.errors import Conflict, Corrupt, InvalidValue, NotFound, UsageError
from sdxl_reg.formats.file_names import safe_name
from sdxl_reg.formats.scans import Scan, scan
from sdxl_reg.store.blobs import DIGEST, BlobStore
from sdxl_reg.store.database import reading, transaction
from sdxl_reg.tables import ArtifactVersion, Upload, now
from sdxl_reg.vocabulary import ArtifactKind, ScanVerdict, UploadState

MAX_BYTES = 1 << 40
"""A tebibyte: more than any checkpoint, and short of what would fill a disk by a slip."""
KEPT = timedelta(days=7)
"""After which nobody is going to go on with an upload."""


def begin_upload(
    session: Session, store: BlobStore, *, name: str, sha256: str, size_bytes: int, project: str
) -> Upload:
    """Announce a file.

    Args:
        session: The transaction.
        store: Will receive its bytes.
        name: Of the file; it tells a version's name and the format.
        sha256: Of all of it.
        size_bytes: Of all of it.
        project: To which it will belong.

    Raises:
        InvalidValue: No file can have that digest or length.
        UsageError: There is no room for it.
    """
    if not DIGEST.fullmatch(sha256):
        raise InvalidValue("not a SHA-256", sha256, remedy="Give 64 lower-case hexadecimal digits")
    if not 0 < size_bytes <= MAX_BYTES:
        raise InvalidValue("length of a file", size_bytes, remedy=f"Send 1 to {MAX_BYTES} bytes")
    key = secrets.token_hex(16)
    upload = Upload(
        key=key,
        actor=_who(),
        project=project,
        name=safe_name(name, default="file"),
        sha256=sha256,
        size_bytes=size_bytes,
        state=UploadState.OPEN,
    )
    session.add(upload)
    session.flush()
    store.quarantine.begin(key, upload.name, size_bytes)
    return upload


def find_upload(session: Session, key: str) -> Upload:
    """An upload of who asks.

    Raises:
        NotFound: They have none of that key.
    """
    query = select(Upload).where(Upload.key == key, Upload.actor == _who())
    upload = session.scalar(query)
    if upload is None:
        raise NotFound("upload", key, remedy="Begin one")
    return upload


def uploads_of(session: Session, sha256: str = "") -> Sequence[Upload]:
    """The uploads of who asks, newest first; with a digest, only those of these bytes."""
    query = select(Upload).where(Upload.actor == _who()).order_by(Upload.id.desc())
    return session.scalars(query.where(Upload.sha256 == sha256) if sha256 else query).all()


def received_bytes(store: BlobStore, upload: Upload) -> int:
    """How many bytes of an upload have arrived."""
    if upload.state in (UploadState.OPEN, UploadState.CHECKED, UploadState.REFUSED):
        return store.quarantine.size(upload.key, upload.name)
    return upload.size_bytes


@contextmanager
def appending(store: BlobStore, upload: Upload, offset: int) -> Iterator[BinaryIO]:
    """The file of an upload, to go on with where it ends; nobody else writes to it meanwhile.

    Args:
        store: Holds it.
        upload: As it was just found.
        offset: Where the sender thinks that it ends.

    Raises:
        Conflict: It is complete, more or less of it has arrived, or somebody else writes to it.
        OutOfSpace: The disk is full; what had arrived stays.
    """
    if upload.state != UploadState.OPEN:
        raise Conflict(f"upload {upload.key} is {upload.state}", remedy="Begin another one")
    with store.quarantine.writing(upload.key, upload.name) as stream:
        if (found := stream.tell()) != offset:
            raise Conflict(
                f"{found} bytes of upload {upload.key} have arrived, and these begin at {offset}",
                remedy=f"Go on from {found}",
            )
        yield stream


def complete_upload(engine: Engine, store: BlobStore, key: str) -> Upload:
    """Hash and scan an upload of which every byte has arrived; doing it again changes nothing.

    Raises:
        NotFound: There is no such upload.
        Conflict: Bytes are missing, or are being written.
        InvalidValue: They have another SHA-256; the upload is gone.
    """
    with reading(engine) as session:
        upload = find_upload(session, key)
    if upload.state != UploadState.OPEN:
        return upload
    arrived = store.quarantine.size(key, upload.name)
    if arrived != upload.size_bytes:
        raise Conflict(
            f"{arrived} of {upload.size_bytes} bytes have arrived", remedy=f"Go on from {arrived}"
        )
    found = store.quarantine.settle(key, upload.name)
    if found != upload.sha256:
        forget_upload(engine, store, key)
        raise InvalidValue(
            f"the SHA-256 of what arrived is {found}, and not what was announced",
            upload.sha256,
            remedy="Send the file again",
        )
    said = scan(store.quarantine.path(key, upload.name))
    state = UploadState.REFUSED if said.verdict == ScanVerdict.UNSAFE else UploadState.CHECKED
    return _settled(engine, key, state, said)


def take_version(
    engine: Engine,
    store: BlobStore,
    key: str,
    *,
    name: str,
    kind: ArtifactKind | None = None,
    base: str = "",
) -> str:
    """Make a checked upload a version of an artifact, as `imports.import_file` does.

    Args:
        engine: The database.
        store: Holds the upload; receives the blob.
        key: Of the upload.
        name: Of the artifact; a new one belongs to the upload's project.
        kind: What it is taken for, whatever its header says.
        base: A recorded checkpoint: `micro@1`.

    Returns:
        How users write the version; that which it has become where that was done before.

    Raises:
        NotFound: No such upload or base.
        Conflict: It is not checked, or was refused; or the name is taken.
        UsageError: It is nothing that can be kept.
    """
    with reading(engine) as session:
        upload = find_upload(session, key)
        if upload.state == UploadState.TAKEN and upload.version_id is not None:
            return version_ref(session.get_one(ArtifactVersion, upload.version_id))
        if upload.state != UploadState.CHECKED:
            raise Conflict(
                f"upload {key} is {upload.state}{upload.reason and ': ' + upload.reason}",
                remedy="Send all of it and have it checked first"
                if upload.state == UploadState.OPEN
                else "It stays in quarantine; delete it",
            )
        found_base = find_version(session, base) if base else ""
    path = store.quarantine.path(key, upload.name)
    with transaction(engine) as session:
        try:
            version = import_file(
                session,
                store,
                path,
                name=name,
                kind=kind,
                base=found_base,
                project=upload.project,
                settled=upload.sha256,
            )
        except Corrupt as error:  # what somebody sends is no damage of ours
            raise UsageError(f"{upload.name}: {error.fault}", remedy=error.remedy) from error
        values = {"state": UploadState.TAKEN, "version_id": version.id, "touched_at": now()}
        session.execute(update(Upload).where(Upload.key == key).values(values))
        ref = version_ref(version)
        note(session, "upload.taken", ref, sha256=upload.sha256, name=upload.name)
    store.quarantine.discard(key)
    return ref


def forget_upload(engine: Engine, store: BlobStore, key: str) -> None:
    """Remove an upload and its bytes; what it has become stays.

    Raises:
        NotFound: There is no such upload.
    """
    with transaction(engine) as session:
        session.delete(find_upload(session, key))
    store.quarantine.discard(key)


def sweep_uploads(engine: Engine, store: BlobStore, *, older_than: timedelta = KEPT) -> int:
    """Remove uploads that nobody has gone on with, and files of none.

    Args:
        engine: The database.
        store: Holds the files.
        older_than: Since they were begun or checked.

    Returns:
        How many files are gone.
    """
    with transaction(engine) as session:
        old = session.scalars(select(Upload).where(Upload.touched_at < now() - older_than)).all()
        for upload in old:
            session.delete(upload)
    with reading(engine) as session:
        known = set(session.scalars(select(Upload.key).where(Upload.state != UploadState.TAKEN)))
    gone = [key for key in store.quarantine.keys(older_than_s=3600) if key not in known]
    for key in gone:
        store.quarantine.discard(key)
    return len(gone)


def _settled(engine: Engine, key: str, state: UploadState, said: Scan) -> Upload:
    with transaction(engine) as session:
        upload = find_upload(session, key)
        upload.state, upload.verdict, upload.reason = state, said.verdict, said.reason
        upload.touched_at = now()
        note(session, f"upload.{state}", upload.name, sha256=upload.sha256, reason=said.reason)
        session.flush()
    return upload


def _who() -> str:
    viewer = present_viewer()
    return viewer.name if viewer is not None else ""
