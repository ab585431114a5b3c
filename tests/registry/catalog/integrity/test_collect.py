"""Removing what nothing needs, and nothing else."""

import os
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from sdxl_reg.catalog.integrity.check import check
from sdxl_reg.catalog.integrity.collect import Garbage, collect, garbage
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import reading, transaction
from sdxl_reg.tables import Blob, EventLog, FileHash, Run
from sdxl_reg.vocabulary import RunKind

NONE, DAY = timedelta(0), timedelta(days=1)


def _collected(engine: Engine, store: BlobStore, grace: timedelta = NONE) -> Garbage:
    time.sleep(0.01)  # what was written just now is older than no time at all
    found = garbage(engine, store, grace)
    return collect(engine, store, found, grace, lambda _done, _total, _what: None)


def _orphan(engine: Engine, store: BlobStore, data: bytes) -> str:
    """A blob with a row, and a hash by which others know it, that nothing refers to."""
    stored = store.put_bytes(data)
    with transaction(engine) as session:
        blob = Blob(sha256=stored.sha256, size_bytes=stored.size_bytes)
        session.add(blob)
        session.flush()
        session.add(FileHash(blob_id=blob.id, algorithm="autov2", value=stored.sha256[:10]))
    return stored.sha256


def test_nothing_that_is_needed_is_garbage(trained: Engine, store: BlobStore) -> None:
    before = check(trained, store, lambda *_: None)
    assert _collected(trained, store) == {}
    assert check(trained, store, lambda *_: None) == before


def test_files_without_a_row_and_rows_that_nothing_refers_to_go(
    trained: Engine, store: BlobStore
) -> None:
    unrecorded = store.put_bytes(b"a writer was killed").sha256
    orphan = _orphan(trained, store, b"nothing refers to it")
    assert _collected(trained, store) == {unrecorded: 19, orphan: 20}
    assert not store.has(unrecorded)
    assert not store.has(orphan)
    with reading(trained) as session:
        assert session.scalar(select(Blob.id).where(Blob.sha256 == orphan)) is None
        event = session.scalars(select(EventLog).order_by(EventLog.id.desc())).first()
    assert event is not None
    assert (event.verb, event.payload) == ("registry.collected", {"blobs": 2, "bytes": 39})
    assert _collected(trained, store) == {}


def test_what_is_young_stays(trained: Engine, store: BlobStore) -> None:
    unrecorded = store.put_bytes(b"just written, its row is on the way").sha256
    orphan = _orphan(trained, store, b"likewise")
    assert _collected(trained, store, DAY) == {}
    week_ago = time.time() - 7 * 86_400
    os.utime(store.path(unrecorded), (week_ago, week_ago))
    assert list(_collected(trained, store, DAY)) == [unrecorded]
    assert store.has(orphan)


def test_what_a_document_names_stays(trained: Engine, store: BlobStore) -> None:
    preview = _orphan(trained, store, b"a picture to start from")
    with transaction(trained) as session:
        session.add(Run(kind=RunKind.GENERATE, title="draw", spec={"pictures": [{"x": preview}]}))
    assert _collected(trained, store) == {}
    assert store.has(preview)


def test_what_is_put_again_while_it_is_collected_stays(store: BlobStore, engine: Engine) -> None:
    digest = store.put_bytes(b"again").sha256
    week_ago = time.time() - 7 * 86_400
    os.utime(store.path(digest), (week_ago, week_ago))
    found = garbage(engine, store, DAY)
    assert list(found) == [digest]
    store.put_bytes(b"again")
    assert collect(engine, store, found, DAY, lambda *_: None) == {}
    assert store.read(digest) == b"again"


def test_what_comes_to_be_needed_after_the_look_stays(engine: Engine, store: BlobStore) -> None:
    digest = store.put_bytes(b"recorded late").sha256
    time.sleep(0.01)
    found = garbage(engine, store, NONE)
    with transaction(engine) as session:
        blob = Blob(sha256=digest, size_bytes=13)
        session.add(blob)
        session.add(Run(kind=RunKind.GENERATE, title="draw", spec={"init": digest}))
    assert collect(engine, store, found, NONE, lambda *_: None) == {}
    assert store.has(digest)


def test_a_link_goes_and_the_file_it_points_at_stays(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    picture = tmp_path / "mine.jpg"
    picture.write_bytes(b"mine")
    digest = store.put_link(picture, b"mine").sha256
    assert list(_collected(engine, store)) == [digest]
    assert picture.read_bytes() == b"mine"
    assert list((store.root / "links").rglob("*.json")) == []


@pytest.mark.parametrize("writers", [4])
def test_writers_at_the_same_time_never_end_without_their_bytes(
    writers: int, engine: Engine, store: BlobStore
) -> None:
    """Each puts bytes, waits a little, records them; a collection runs over and over meanwhile."""
    grace, done = timedelta(seconds=0.5), threading.Event()

    def collecting() -> None:
        while not done.is_set():
            _collected(engine, store, grace)

    def writing(number: int) -> None:
        for turn in range(5):
            stored = store.put_bytes(f"{number} {turn % 2}".encode())
            time.sleep(0.05)
            with transaction(engine) as session:
                if not session.scalar(select(Blob.id).where(Blob.sha256 == stored.sha256)):
                    session.add(Blob(sha256=stored.sha256, size_bytes=stored.size_bytes))

    threads = [threading.Thread(target=collecting)]
    threads += [threading.Thread(target=writing, args=(number,)) for number in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads[1:]:
        thread.join()
    done.set()
    threads[0].join()
    assert check(engine, store, lambda *_: None).faults == ()
