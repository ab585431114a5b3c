"""Folders that are sent: reported as folders of this machine, never half, never of others."""

import hashlib
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from sdxl_reg.catalog.ingest import IngestOptions, ingest
from sdxl_reg.catalog.ingest_report import report_document
from sdxl_reg.catalog.sent_folders import carrying_out
from sdxl_reg.catalog.sent_folders.announcing import AnnouncedFile, announce_files, missing_files
from sdxl_reg.catalog.sent_folders.carrying_out import ask_for, carry_out
from sdxl_reg.catalog.sent_folders.paths import checked_path, is_wanted
from sdxl_reg.catalog.sent_folders.planning import plan_sent
from sdxl_reg.catalog.sent_folders.sessions import find_ingest, sweep_ingests
from sdxl_reg.errors import Conflict, InvalidValue
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import connect, reading, transaction, upgrade
from sdxl_reg.tables import ImageSet, IngestFile, Member, now
from sdxl_reg.vocabulary import IngestState, MemberState
from tests.registry.catalog.pictures import jpeg
from tests.registry.catalog.sent_folders.sending import (
    SPOT,
    announced,
    archive,
    begun,
    carried_out,
    counts,
    received,
    sent,
)


def test_a_sent_folder_is_reported_as_the_same_folder_of_this_machine(
    engine: Engine, store: BlobStore, root: Path, files: dict[str, bytes], tmp_path: Path
) -> None:
    other = connect(f"sqlite:///{tmp_path}/other.db")
    upgrade(other)
    here = report_document(ingest(other, BlobStore(tmp_path / "other"), root))
    there = sent(engine, store, files)
    assert there.state == IngestState.DONE
    assert there.report == here
    assert there.report["failed"] == 1
    assert there.report["skipped"] == 3
    with reading(engine) as session:
        assert session.scalar(select(ImageSet.source)) == "sent://laptop/products/weipin"
    other.dispose()


def test_sent_again_unchanged_nothing_is_sent_and_nothing_changes(
    engine: Engine, store: BlobStore, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = sent(engine, store, files)
    before = counts(engine)
    key = begun(engine, store)
    assert announced(engine, store, key, files) == []
    plan = plan_sent(engine, store, key)
    (planned,) = plan.sets
    assert (plan.missing, planned.unchanged, planned.changed, planned.gone) == (0, 13, 0, 0)
    assert planned.new == 1  # the broken one, which never was recorded
    monkeypatch.setattr("sdxl_reg.catalog.ingest.read_settled", None)  # no picture is opened
    again = carried_out(engine, store, key, len(files))
    assert first.report is not None
    assert again.report is not None
    assert again.report == first.report | {
        "new": 0,
        "unchanged": 13,
        "warnings": again.report["warnings"],
    }
    assert counts(engine) == before


def test_what_is_not_announced_is_gone_as_it_is_on_this_machine(
    engine: Engine, store: BlobStore, files: dict[str, bytes]
) -> None:
    sent(engine, store, files)
    rest = {path: data for path, data in files.items() if not path.endswith("told.jpg")}
    moved = {path.replace("qzy/flawless", "qzy/perfect"): data for path, data in rest.items()}
    key = begun(engine, store)
    announced(engine, store, key, moved)
    (plan,) = plan_sent(engine, store, key).sets
    assert (plan.new, plan.gone) == (3, 3)  # the broken one never was there
    ended = carried_out(engine, store, key, len(moved))
    assert ended.report is not None
    assert (ended.report["moved"], ended.report["missing"], ended.report["new"]) == (2, 1, 0)


def test_what_could_not_be_read_there_is_not_gone(
    engine: Engine, store: BlobStore, files: dict[str, bytes]
) -> None:
    sent(engine, store, files)
    closed = {"weipin/lsbr": "The folder could not be listed: Permission denied"}
    unread = [f"{SPOT}/told.jpg"]
    rest = {p: d for p, d in files.items() if not p.startswith("weipin/lsbr/") and p not in unread}
    key = begun(engine, store)
    announced(engine, store, key, rest, closed=closed, unread=unread)
    assert plan_sent(engine, store, key).sets[0].gone == 0
    ended = carried_out(engine, store, key, len(rest))
    assert ended.report is not None
    assert ended.report["missing"] == 0
    assert next(p["path"] for p in ended.report["problems"]) == "loose.jpg"
    assert "weipin/lsbr" in [p["path"] for p in ended.report["problems"]]


def test_a_broken_connection_loses_the_file_that_it_was_at(
    engine: Engine, store: BlobStore, files: dict[str, bytes]
) -> None:
    key = begun(engine, store)
    missing = announced(engine, store, key, files)
    tar = archive(files, missing)
    with pytest.raises(InvalidValue, match="breaks off"):
        received(engine, store, key, tar[: len(tar) // 2], portion=700)
    with reading(engine) as session:
        rest = missing_files(session, find_ingest(session, key), 1000)
    assert 0 < len(rest) < len(missing)
    received(engine, store, key, archive(files, rest))
    assert carried_out(engine, store, key, len(files)).state == IngestState.DONE
    folder = store.sent(key)._folder
    assert not list(folder.rglob("part-*"))
    assert not list((folder / "trees").iterdir())


def test_what_was_sent_before_is_not_asked_for_in_another_ingest(
    engine: Engine, store: BlobStore, files: dict[str, bytes]
) -> None:
    key = begun(engine, store)
    missing = announced(engine, store, key, files)
    received(engine, store, key, archive(files, missing[:5]))
    again = begun(engine, store)
    assert announced(engine, store, again, files) == missing[5:]


def test_half_an_announcement_is_not_taken_for_a_folder(
    engine: Engine, store: BlobStore, files: dict[str, bytes]
) -> None:
    key = begun(engine, store)
    some = dict(list(files.items())[:4])
    received(engine, store, key, archive(some, announced(engine, store, key, some)))
    with pytest.raises(Conflict, match="4 files were announced, and not 20"):
        ask_for(engine, key, files=20)


@pytest.mark.parametrize("lie", ["other bytes", "longer", "not announced"])
def test_what_was_announced_is_not_believed(engine: Engine, store: BlobStore, lie: str) -> None:
    key = begun(engine, store)
    announced(engine, store, key, {"weipin/1.jpg": jpeg(1)})
    data = {
        "other bytes": {"weipin/1.jpg": jpeg(1)[:-1] + b"!"},
        "longer": {"weipin/1.jpg": jpeg(1) + b"!"},
        "not announced": {"weipin/2.jpg": jpeg(1)},
    }[lie]
    with pytest.raises(InvalidValue, match=r"announced.*weipin/|weipin/.*announced"):
        received(engine, store, key, archive(data))
    assert store.sent(key).digests() == set()


@pytest.mark.parametrize(
    "path",
    [
        "../x.jpg",
        "a/../../x.jpg",
        "/etc/x.jpg",
        "C:\\x.jpg",
        "c:/x.jpg",
        "a//x.jpg",
        "./x.jpg",
        "a/.",
        "x\0.jpg",
        "\ud800.jpg",
        "n" * 256 + ".jpg",
        "/".join(["d"] * 65),
        "x/" * 1200 + "x.jpg",
        "",
    ],
)
def test_a_path_that_is_not_plain_is_refused_by_name(
    engine: Engine, store: BlobStore, path: str
) -> None:
    with pytest.raises(InvalidValue, match="path of a file that is sent"):
        checked_path(path)
    key = begun(engine, store)
    with pytest.raises(InvalidValue):
        announced(engine, store, key, {path: b"1"})


def test_a_path_that_is_a_file_and_a_folder_is_refused(engine: Engine, store: BlobStore) -> None:
    both = {"a.jpg": jpeg(1), "a.jpg/b.jpg": jpeg(2)}
    key = begun(engine, store)
    announced(engine, store, key, both)
    with pytest.raises(InvalidValue, match="as a file and as a folder"):
        plan_sent(engine, store, key)


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("a/x.JPG", True),
        ("a/x.txt", True),
        ("a/metadata.jsonl", True),
        ("a/.sdxlregignore", True),
        ("a/x.svg", False),
        ("a/x.py", False),
        ("a/.git/x.jpg", False),
        ("a/._x.jpg", False),
        ("a/x", False),
    ],
)
def test_only_pictures_and_what_is_said_of_them_is_wanted(path: str, *, wanted: bool) -> None:
    assert is_wanted(path) == wanted


def test_without_digests_everything_is_sent_and_recorded_once(
    engine: Engine, store: BlobStore, files: dict[str, bytes]
) -> None:
    for _ in range(2):
        key = begun(engine, store)
        told = [AnnouncedFile(path=p, size_bytes=len(d), sha256=None) for p, d in files.items()]
        missing = announce_files(engine, store, key, told, closed={})
        assert set(missing) == {path for path in files if is_wanted(path)}
        received(engine, store, key, archive(files, missing))
        ended = carried_out(engine, store, key, len(files))
    assert ended.report is not None
    assert (ended.report["new"], ended.report["unchanged"]) == (0, 13)


def test_a_picture_that_fails_leaves_no_bytes_among_the_blobs(
    engine: Engine, store: BlobStore
) -> None:
    files = {"weipin/good.jpg": jpeg(1), "weipin/bad.jpg": b"<html>"}
    sent(engine, store, files)
    assert not store.has(hashlib.sha256(b"<html>").hexdigest())
    (blob,) = store.files()
    assert blob.stat().st_mode & 0o777 == 0o444


def test_an_ingest_that_died_is_asked_for_again(
    engine: Engine, store: BlobStore, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    key = begun(engine, store)
    received(engine, store, key, archive(files, announced(engine, store, key, files)))
    assert ask_for(engine, key, files=len(files))
    assert not ask_for(engine, key, files=len(files))  # somebody has it already
    stop = threading.Event()
    stop.set()
    carry_out(engine, store, key, thumbnails=None, stop=stop)
    with reading(engine) as session:
        assert find_ingest(session, key).state == IngestState.LOST
    assert carried_out(engine, store, key, len(files)).state == IngestState.DONE
    assert not ask_for(engine, key, files=len(files))  # done is done


def test_an_ingest_whose_server_was_killed_is_asked_for_again(
    engine: Engine, store: BlobStore, files: dict[str, bytes]
) -> None:
    key = begun(engine, store)
    received(engine, store, key, archive(files, announced(engine, store, key, files)))
    assert ask_for(engine, key, files=len(files))
    with transaction(engine) as session:  # nobody has said a word for a minute
        find_ingest(session, key).touched_at = now() - timedelta(minutes=1)
    assert carried_out(engine, store, key, len(files)).state == IngestState.DONE


def test_sixteen_at_once_make_one_of_everything(
    engine: Engine, store: BlobStore, files: dict[str, bytes]
) -> None:
    def send(_: int) -> dict[str, Any] | None:
        return sent(engine, store, files).report

    with ThreadPoolExecutor(16) as pool:
        reports = list(pool.map(send, range(16)))
    assert counts(engine) == (13, 13, 13, 1)
    assert all(report and report["seen"] == reports[0]["seen"] for report in reports if reports[0])
    assert all(report and report["failed"] == 1 for report in reports)
    with reading(engine) as session:
        assert set(session.scalars(select(Member.state))) == {MemberState.PRESENT}


def test_a_sent_folder_is_swept_a_week_after_it_was_touched(
    engine: Engine, store: BlobStore, files: dict[str, bytes]
) -> None:
    ended = sent(engine, store, files)
    kept = store.sent(ended.key).digests()
    assert kept  # captions and the broken picture: in no other place
    assert len(kept) < len(files)
    assert sweep_ingests(engine, store) == 0
    os.utime(store.sent(ended.key)._folder, (1, 1))
    assert sweep_ingests(engine, store, older_than=timedelta(seconds=-1)) == 1
    assert store.sent(ended.key).digests() == set()
    with reading(engine) as session:
        assert session.scalar(select(func.count()).select_from(IngestFile)) == 0


def test_more_of_a_digest_than_one_file_comes_once(engine: Engine, store: BlobStore) -> None:
    files = {"weipin/a/1.jpg": jpeg(5), "weipin/b/2.jpg": jpeg(5)}
    key = begun(engine, store)
    assert announced(engine, store, key, files) == ["weipin/a/1.jpg"]
    received(engine, store, key, archive(files, ["weipin/a/1.jpg"]))
    report = carried_out(engine, store, key, 2).report
    assert report is not None
    assert (report["new"], report["duplicates"]) == (1, 1)


def test_options_are_those_of_the_command(
    engine: Engine, store: BlobStore, files: dict[str, bytes]
) -> None:
    options = IngestOptions(as_name="shirts", caption="a shirt, {tags}", layout="brand/state")
    sent(
        engine,
        store,
        files,
        as_name=options.as_name,
        caption=options.caption,
        layout=options.layout,
        project="main",
    )
    with reading(engine) as session:
        (found,) = session.scalars(select(ImageSet))
        assert (found.name, found.caption_template) == ("shirts", "a shirt, {tags}")
        assert found.source == "sent://laptop/products"


def test_an_unforeseen_fault_is_recorded_and_raised(
    engine: Engine, store: BlobStore, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    key = begun(engine, store)
    received(engine, store, key, archive(files, announced(engine, store, key, files)))
    monkeypatch.setattr(carrying_out, "ingest_folder", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        carried_out(engine, store, key, len(files))
    with reading(engine) as session:
        ended = find_ingest(session, key)
    assert (ended.state, ended.error and ended.error["code"]) == ("failed", "internal")
