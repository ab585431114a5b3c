"""Sending a folder without a network: announced, put into a tar, received, ingested."""

import hashlib
import io
import tarfile
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, func, select

from sdxl_reg.catalog.sent_folders.announcing import AnnouncedFile, announce_files
from sdxl_reg.catalog.sent_folders.carrying_out import ask_for, carry_out
from sdxl_reg.catalog.sent_folders.receiving import Receiving
from sdxl_reg.catalog.sent_folders.sessions import begin_ingest, find_ingest
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import reading, transaction
from sdxl_reg.tables import Blob, Image, ImageSet, Ingest, Member

OPTIONS: Mapping[str, Any] = {
    "as_name": None,
    "layout": None,
    "caption": None,
    "rehash": False,
    "max_pixels": 128_000_000,
}
Files = Mapping[str, bytes]
SPOT = "weipin/qzy/flawed/spot"


def files_in(root: Path) -> dict[str, bytes]:
    """Every file of a folder, by its path in it."""
    paths = sorted(path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}


def begun(
    engine: Engine, store: BlobStore, *, place: str = "laptop/products", **options: Any
) -> str:
    """The key of a new ingest of a folder `products`."""
    project = options.pop("project", "main")
    with transaction(engine) as session:
        return begin_ingest(
            session,
            store,
            folder="products",
            place=place,
            options={**OPTIONS, **options},
            project=project,
        ).key


def announced(engine: Engine, store: BlobStore, key: str, files: Files, **more: Any) -> list[str]:
    """Announce files with their digests; what has to be sent."""
    told = [
        AnnouncedFile(path=path, size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
        for path, data in files.items()
    ]
    more.setdefault("closed", {})
    return announce_files(engine, store, key, told, **more)


def archive(files: Files, paths: Iterable[str] | None = None) -> bytes:
    """Some files as a tar."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in files if paths is None else paths:
            member = tarfile.TarInfo(path)
            member.size = len(files[path])
            tar.addfile(member, io.BytesIO(files[path]))
    return stream.getvalue()


def received(
    engine: Engine, store: BlobStore, key: str, data: bytes, *, portion: int = 1 << 20
) -> None:
    """Send a tar, in portions."""
    with Receiving(engine, store, key) as receiving:
        for start in range(0, len(data), portion):
            receiving.feed(data[start : start + portion])
        receiving.end()


def carried_out(engine: Engine, store: BlobStore, key: str, files: int) -> Ingest:
    """Ask for an ingest and carry it out, here and now."""
    assert ask_for(engine, key, files=files)
    carry_out(engine, store, key, thumbnails=None, stop=threading.Event())
    with reading(engine) as session:
        return find_ingest(session, key)


def sent(engine: Engine, store: BlobStore, files: Files, **options: Any) -> Ingest:
    """Send all of a folder and have it ingested."""
    key = begun(engine, store, **options)
    missing = announced(engine, store, key, files)
    if missing:
        received(engine, store, key, archive(files, missing))
    return carried_out(engine, store, key, len(files))


def counts(engine: Engine) -> tuple[int, ...]:
    """How many blobs, images, members and image sets there are."""
    with reading(engine) as session:
        return tuple(
            session.scalar(select(func.count()).select_from(table)) or 0
            for table in (Blob, Image, Member, ImageSet)
        )
