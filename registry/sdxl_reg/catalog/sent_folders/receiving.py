"""Receiving files of a folder: many in one archive, each hashed here while it comes.

Some dozens are brought to the disk together and then recorded as being here. A connection that
breaks loses the file that it was at, and nothing before it.
"""

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import Engine, update
from sqlalchemy.orm import Session

from sdxl_reg.catalog.portions import portions
from sdxl_reg.catalog.sent_folders.paths import checked_path
from sdxl_reg.catalog.sent_folders.sessions import BUSY, find_ingest, locked_ingest
from sdxl_reg.errors import Conflict, InvalidValue
from sdxl_reg.formats.tar_stream import Member, MemberEnd, TarReader
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import reading, transaction
from sdxl_reg.store.sent import ArrivingFile
from sdxl_reg.tables import IngestFile

_TOGETHER, _TOGETHER_BYTES = 64, 64 << 20


@dataclass(frozen=True, kw_only=True)
class _Arrived:
    path: str
    sha256: str
    at: Path


class Receiving:
    """The files of one archive, on their way into an ingest; a context that ends with it."""

    def __init__(self, engine: Engine, store: BlobStore, key: str) -> None:
        """Receive for an ingest.

        Raises:
            NotFound: Who asks has none of that key.
            Conflict: It is being recorded.
        """
        with reading(engine) as session:
            ingest = find_ingest(session, key)
        if ingest.state in BUSY:
            raise Conflict(f"ingest {key} is {ingest.state}", remedy="Wait for it")
        self._engine, self._key, self._ingest_id = engine, key, ingest.id
        self._sent = store.sent(key)
        self._reader = TarReader()
        self._file: ArrivingFile | None = None
        self._announced: IngestFile | None = None
        self._arrived: list[_Arrived] = []
        self._bytes = 0
        self.files = 0

    def feed(self, data: bytes) -> None:
        """Take some more bytes of the archive.

        Raises:
            InvalidValue: It is no archive of files that were announced, as they were announced.
            OutOfSpace: The disk is full; what had come whole stays.
        """
        for event in self._reader.feed(data):
            if isinstance(event, Member):
                self._begin(event)
            elif isinstance(event, MemberEnd):
                self._end()
            elif self._file is not None:
                self._file.write(event)

    def end(self) -> None:
        """The archive is over; raises `InvalidValue` where it broke off."""
        self._reader.end()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Keep what has come whole, drop what has not."""
        self.close()

    def close(self) -> None:
        """Keep what has come whole, drop what has not."""
        if self._file is not None:
            self._file.drop()
            self._file = None
        self._settle()

    def _begin(self, member: Member) -> None:
        path = checked_path(member.name.removeprefix("./"))
        with reading(self._engine) as session:
            found = session.get(IngestFile, (self._ingest_id, path))
        if found is None:
            raise InvalidValue("sent, and not announced", path, remedy="Announce it first")
        if found.size_bytes != member.size_bytes:
            raise InvalidValue(
                f"{path} was announced with {found.size_bytes} bytes, and is sent with",
                member.size_bytes,
                remedy="It has changed: announce it again",
            )
        is_wanted = found.sha256 is not None or not found.is_here
        self._announced = found if is_wanted else None  # the bytes of others are passed over
        self._file = self._sent.arriving() if is_wanted else None

    def _end(self) -> None:
        file, announced = self._file, self._announced
        self._file = None
        if file is None or announced is None:
            return
        sha256 = file.close()
        if announced.sha256 is not None and sha256 != announced.sha256:
            file.drop()
            raise InvalidValue(
                f"the SHA-256 of {announced.path} is {sha256}, and not what was announced",
                announced.sha256,
                remedy="It has changed: announce it again",
            )
        self._arrived.append(_Arrived(path=announced.path, sha256=sha256, at=file.path))
        self._bytes += file.size_bytes
        if len(self._arrived) >= _TOGETHER or self._bytes >= _TOGETHER_BYTES:
            self._settle()

    def _settle(self) -> None:
        """Bring what has come to the disk, and record that it is here."""
        arrived, self._arrived, self._bytes = self._arrived, [], 0
        if not arrived:
            return
        self._sent.settle((item.sha256, item.at) for item in arrived)
        with transaction(self._engine) as session:
            locked_ingest(session, self._key)
            self._record(session, arrived)
        self.files += len(arrived)

    def _record(self, session: Session, arrived: list[_Arrived]) -> None:
        """Mark as here whatever has these bytes, under whichever path."""
        of_it = IngestFile.ingest_id == self._ingest_id
        for item in arrived:  # of which nobody knew the digest
            one = (of_it, IngestFile.path == item.path, IngestFile.sha256.is_(None))
            session.execute(update(IngestFile).where(*one).values(sha256=item.sha256))
        for some in portions([item.sha256 for item in arrived]):
            same = (of_it, IngestFile.sha256.in_(some))
            session.execute(update(IngestFile).where(*same).values(is_here=True))
