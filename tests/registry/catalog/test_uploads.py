"""Uploads: what is sent is believed only after it was hashed and scanned here."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select

from sdxl_reg.catalog.artifacts import ensure_artifact, find_version, scan_files
from sdxl_reg.catalog.blobs import scan_of
from sdxl_reg.catalog.uploads import (
    appending,
    begin_upload,
    complete_upload,
    find_upload,
    sweep_uploads,
    take_version,
)
from sdxl_reg.errors import Conflict, InvalidValue, NotFound, UsageError
from sdxl_reg.store import quarantine
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import reading, transaction
from sdxl_reg.tables import ArtifactVersion, Blob, BlobScan
from sdxl_reg.vocabulary import ArtifactKind, ScanVerdict, UploadState
from tests.registry.formats.shaped_files import TO_K, shaped_file
from tests.registry.formats.test_pickles import Harmful, pickled


@pytest.fixture
def lora(tmp_path: Path) -> bytes:
    return shaped_file(tmp_path / "x.safetensors", {TO_K: (4, 2048)}, {}).read_bytes()


def begun(engine: Engine, store: BlobStore, data: bytes, name: str = "x.safetensors") -> str:
    with transaction(engine) as session:
        digest = sha256(data).hexdigest()
        return begin_upload(
            session, store, name=name, sha256=digest, size_bytes=len(data), project="main"
        ).key


def send(engine: Engine, store: BlobStore, key: str, data: bytes, offset: int = 0) -> None:
    with reading(engine) as session:
        upload = find_upload(session, key)
    with appending(store, upload, offset) as stream:
        stream.write(data)


def sent(engine: Engine, store: BlobStore, data: bytes, name: str = "x.safetensors") -> str:
    key = begun(engine, store, data, name)
    send(engine, store, key, data)
    complete_upload(engine, store, key)
    return key


def test_a_file_comes_in_pieces_and_becomes_a_version(
    engine: Engine, store: BlobStore, lora: bytes
) -> None:
    key = begun(engine, store, lora)
    send(engine, store, key, lora[:100])
    send(engine, store, key, lora[100:], offset=100)
    upload = complete_upload(engine, store, key)
    assert (upload.state, upload.verdict) == (UploadState.CHECKED, ScanVerdict.SAFE)

    ref = take_version(engine, store, key, name="mine")

    assert ref == "mine@1"
    with reading(engine) as session:
        version = find_version(session, ref)
        assert store.read(version.digest) == lora
        assert scan_of(session, version.files[0].blob).verdict == ScanVerdict.SAFE
    assert not list(store.quarantine.root.iterdir())


def test_what_was_hashed_on_arrival_is_taken_over_and_not_copied(
    engine: Engine, store: BlobStore, lora: bytes
) -> None:
    key = sent(engine, store, lora)
    arrived = store.quarantine.path(key, "x.safetensors").stat().st_ino

    take_version(engine, store, key, name="mine")

    assert store.path(sha256(lora).hexdigest()).stat().st_ino == arrived


def test_an_upload_that_was_not_taken_in_the_end_can_be_taken_again(
    engine: Engine, store: BlobStore, lora: bytes
) -> None:
    key = sent(engine, store, lora)
    with transaction(engine) as session:
        ensure_artifact(session, "mine", ArtifactKind.EMBEDDING)
    with pytest.raises(Conflict):  # its bytes are in the store by then
        take_version(engine, store, key, name="mine")
    assert store.has(sha256(lora).hexdigest())

    assert take_version(engine, store, key, name="other") == "other@1"


def test_taking_it_twice_is_one_version(engine: Engine, store: BlobStore, lora: bytes) -> None:
    key = sent(engine, store, lora)
    first = take_version(engine, store, key, name="mine")
    assert take_version(engine, store, key, name="mine") == first


def test_a_piece_that_does_not_begin_at_the_end_is_refused(
    engine: Engine, store: BlobStore, lora: bytes
) -> None:
    key = begun(engine, store, lora)
    send(engine, store, key, lora[:100])
    with pytest.raises(Conflict, match="Go on from 100"):
        send(engine, store, key, lora[90:], offset=90)


def test_two_do_not_write_to_one_upload(engine: Engine, store: BlobStore, lora: bytes) -> None:
    key = begun(engine, store, lora)
    with reading(engine) as session:
        upload = find_upload(session, key)
    with (
        appending(store, upload, 0),
        pytest.raises(Conflict, match="somebody is writing"),
        appending(store, upload, 0),
    ):
        pass


def test_other_bytes_than_announced_are_thrown_away(
    engine: Engine, store: BlobStore, lora: bytes
) -> None:
    key = begun(engine, store, lora)
    send(engine, store, key, bytes(len(lora)))
    with pytest.raises(InvalidValue, match="not what was announced"):
        complete_upload(engine, store, key)
    with reading(engine) as session, pytest.raises(NotFound):
        find_upload(session, key)
    assert not list(store.quarantine.root.iterdir())


def test_too_few_bytes_are_not_checked(engine: Engine, store: BlobStore, lora: bytes) -> None:
    key = begun(engine, store, lora)
    send(engine, store, key, lora[:-1])
    with pytest.raises(Conflict, match="have arrived"):
        complete_upload(engine, store, key)


def test_what_could_run_stays_in_quarantine(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    data = pickled(tmp_path / "x.pt", Harmful()).read_bytes()
    key = sent(engine, store, data, "x.pt")
    with reading(engine) as session:
        assert find_upload(session, key).state == UploadState.REFUSED
    with pytest.raises(Conflict, match="refused: its pickle"):
        take_version(engine, store, key, name="evil")
    with reading(engine) as session:
        assert session.scalar(select(func.count()).select_from(Blob)) == 0


def test_a_file_of_no_kind_is_no_damage_of_ours(engine: Engine, store: BlobStore) -> None:
    key = sent(engine, store, b"just some bytes, and no header at all")
    with pytest.raises(UsageError, match=r"x\.safetensors"):
        take_version(engine, store, key, name="mine")


def test_there_has_to_be_room(
    engine: Engine, store: BlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quarantine, "_SPARE_BYTES", 1 << 62)
    with pytest.raises(UsageError, match="no room for 1 bytes: 0 are left"):
        begun(engine, store, b"x")


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b.safetensors", "..", "C:\\x\0.pt"])
def test_a_name_leads_nowhere(engine: Engine, store: BlobStore, name: str) -> None:
    begun(engine, store, b"x", name)
    (folder,) = store.quarantine.root.iterdir()
    (file,) = folder.iterdir()
    assert file.is_file()


def test_sixteen_writers_of_the_same_bytes_make_one_blob_and_one_version(
    engine: Engine, store: BlobStore, lora: bytes
) -> None:
    def write(_: int) -> str:
        return take_version(engine, store, sent(engine, store, lora), name="mine")

    with ThreadPoolExecutor(16) as pool:
        refs = set(pool.map(write, range(16)))

    assert refs == {"mine@1"}
    with reading(engine) as session:
        assert session.scalar(select(func.count()).select_from(ArtifactVersion)) == 1
        assert session.scalar(select(func.count()).select_from(Blob)) == 1


def test_what_nobody_goes_on_with_is_swept_away(
    engine: Engine, store: BlobStore, lora: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = begun(engine, store, lora)
    assert sweep_uploads(engine, store) == 0
    monkeypatch.setattr("sdxl_reg.store.quarantine.time.time", lambda: 4e9)
    assert sweep_uploads(engine, store, older_than=timedelta(0)) == 1
    with reading(engine) as session, pytest.raises(NotFound):
        find_upload(session, key)


def test_files_from_before_there_were_scans_are_scanned_when_asked(
    engine: Engine, store: BlobStore, lora: bytes
) -> None:
    ref = take_version(engine, store, sent(engine, store, lora), name="mine")
    with transaction(engine) as session:
        version = find_version(session, ref)
        session.delete(session.get_one(BlobScan, version.files[0].blob_id))
        session.flush()
        assert scan_of(session, version.files[0].blob).verdict == ScanVerdict.UNKNOWN
        scan_files(session, store, version)
        assert scan_of(session, version.files[0].blob).verdict == ScanVerdict.SAFE
