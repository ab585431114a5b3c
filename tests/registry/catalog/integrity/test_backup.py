"""A registry as one file, and back."""

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select

from sdxl_reg.catalog.integrity.backup import BackupReport, back_up, restore
from sdxl_reg.catalog.integrity.check import check
from sdxl_reg.errors import Conflict, Corrupt, InvalidValue, NotFound
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import connect, reading, transaction, upgrade
from sdxl_reg.tables import Base, Blob, EventLog, ImageSet, Tag
from tests.registry.catalog.integrity.damage import flip


@pytest.fixture
def other(empty_database: str) -> Iterator[Engine]:
    """A new registry, once on SQLite and once on PostgreSQL."""
    engine = connect(empty_database.replace("registry.db", "other.db"))
    upgrade(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def other_store(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "other")


def _backed_up(engine: Engine, store: BlobStore, target: Path) -> BackupReport:
    return back_up(engine, store, target, lambda _done, _total, _what: None)


def _restored(engine: Engine, store: BlobStore, source: Path) -> BackupReport:
    return restore(engine, store, source, lambda _done, _total, _what: None)


def _rows(engine: Engine) -> dict[str, list[tuple[object, ...]]]:
    """Every row but the events of backup and restore themselves."""
    with reading(engine) as session:
        return {
            table.name: sorted(
                (tuple(row) for row in session.execute(select(table))),
                key=lambda row: json.dumps(row, default=str, sort_keys=True),
            )
            for table in Base.metadata.sorted_tables
            if table is not EventLog.__table__
        }


def test_a_registry_comes_back_row_by_row_on_either_database(
    trained: Engine, store: BlobStore, other: Engine, other_store: BlobStore, tmp_path: Path
) -> None:
    written = _backed_up(trained, store, tmp_path / "registry.tar")
    read = _restored(other, other_store, tmp_path / "registry.tar")
    assert read == written
    assert written.left_out == ()
    assert _rows(other) == _rows(trained)
    report = check(other, other_store, lambda *_: None)
    assert (report.faults, report.verified) == ((), written.blobs)


def test_numbers_go_on_after_those_that_came_back(
    trained: Engine, store: BlobStore, other: Engine, other_store: BlobStore, tmp_path: Path
) -> None:
    _backed_up(trained, store, tmp_path / "registry.tar")
    _restored(other, other_store, tmp_path / "registry.tar")
    with transaction(other) as session:
        last = session.scalar(select(func.max(ImageSet.id))) or 0
        image_set = ImageSet(name="new", name_key="new", source="/", layout="brand")
        session.add(image_set)
        session.flush()
        assert image_set.id == last + 1


def test_a_tag_below_a_younger_one_comes_back(
    trained: Engine, store: BlobStore, other: Engine, other_store: BlobStore, tmp_path: Path
) -> None:
    with transaction(trained) as session:
        first = session.scalars(select(Tag).order_by(Tag.id)).first()
        assert first is not None
        young = Tag(name="young", name_key="young", path="young", depth=0, level="brand")
        session.add(young)
        session.flush()
        first.parent_id, first.depth, first.path = young.id, 1, f"young/{first.name}"
    _backed_up(trained, store, tmp_path / "registry.tar")
    _restored(other, other_store, tmp_path / "registry.tar")
    assert _rows(other)["tag"] == _rows(trained)["tag"]


def test_any_program_gets_at_the_bytes(trained: Engine, store: BlobStore, tmp_path: Path) -> None:
    _backed_up(trained, store, tmp_path / "registry.tar")
    with tarfile.open(tmp_path / "registry.tar") as archive:
        names = archive.getnames()
        with reading(trained) as session:
            for digest in session.scalars(select(Blob.sha256)):
                member = archive.extractfile(f"blobs/{digest[:2]}/{digest[2:]}")
                assert member is not None
                assert member.read() == store.read(digest)
    assert (names[0], names[1], names[-1]) == ("registry.json", "registry.db", "end.json")
    assert sorted(tmp_path.glob("*.part")) == sorted(tmp_path.glob(".*.part")) == []


def test_damaged_blobs_are_left_out_and_told(
    trained: Engine, store: BlobStore, other: Engine, other_store: BlobStore, tmp_path: Path
) -> None:
    with reading(trained) as session:
        flipped, lost = session.scalars(select(Blob.sha256).order_by(Blob.id).limit(2)).all()
    flip(store, flipped)
    store.path(lost).unlink()
    assert _backed_up(trained, store, tmp_path / "registry.tar").left_out == (flipped, lost)
    assert _restored(other, other_store, tmp_path / "registry.tar").left_out == (flipped, lost)


def test_only_an_empty_registry_is_filled(
    trained: Engine, store: BlobStore, tmp_path: Path
) -> None:
    _backed_up(trained, store, tmp_path / "registry.tar")
    with pytest.raises(Conflict, match="not empty"):
        _restored(trained, store, tmp_path / "registry.tar")
    with pytest.raises(Conflict, match="there already"):
        _backed_up(trained, store, tmp_path / "registry.tar")


def test_a_backup_with_a_flipped_bit_or_without_its_end_writes_no_row(
    sqlite: Engine, store: BlobStore, tmp_path: Path
) -> None:
    whole = tmp_path / "registry.tar"
    _backed_up(sqlite, store, whole)
    data = bytearray(whole.read_bytes())
    with tarfile.open(whole) as archive:
        blob = next(member for member in archive if member.name.startswith("blobs/"))
        data[blob.offset_data] ^= 1
    flipped, cut, ends = tmp_path / "flipped.tar", tmp_path / "cut.tar", tmp_path / "ends.tar"
    flipped.write_bytes(data)
    cut.write_bytes(whole.read_bytes()[: len(data) // 2])
    with tarfile.open(whole) as archive, tarfile.open(ends, "w") as copy:
        for member in archive:
            if member.name != "end.json":
                copy.addfile(member, archive.extractfile(member))
    for number, path in enumerate((flipped, cut, ends)):
        new = connect(f"sqlite:///{tmp_path}/new{number}.db")
        upgrade(new)
        with pytest.raises(Corrupt):
            _restored(new, BlobStore(tmp_path / f"new{number}"), path)
        assert not any(_rows(new).values())
        new.dispose()


def test_what_is_no_backup_or_of_a_newer_release_is_refused(
    sqlite: Engine, store: BlobStore, tmp_path: Path
) -> None:
    new = connect(f"sqlite:///{tmp_path}/new.db")
    upgrade(new)
    with pytest.raises(NotFound):
        _restored(new, store, tmp_path / "nowhere.tar")
    (tmp_path / "text.tar").write_bytes(b"some text")
    with pytest.raises(InvalidValue, match="no backup"):
        _restored(new, store, tmp_path / "text.tar")
    _tar(tmp_path / "foreign.tar", {"readme.txt": b"hello"})
    with pytest.raises(InvalidValue, match="no backup"):
        _restored(new, store, tmp_path / "foreign.tar")
    about = {"format": 1, "revision": "9999", "program": "sdxl-reg 99", "blobs": 0}
    files = {"registry.json": json.dumps(about).encode(), "registry.db": b""}
    _tar(tmp_path / "newer.tar", files)
    with pytest.raises(Conflict, match="newer"):
        _restored(new, store, tmp_path / "newer.tar")
    new.dispose()


def _tar(path: Path, files: dict[str, bytes]) -> None:
    with tarfile.open(path, "w") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
