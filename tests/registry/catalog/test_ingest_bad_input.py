"""Ingest of an ugly folder: nothing in it stops the rest, and each thing is told."""

import io
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image as Pillow
from sqlalchemy import Engine, select, text

from sdxl_reg.catalog.images import find_image_set, members_of, page_of_members
from sdxl_reg.catalog.ingest import IngestOptions, IngestReport, ingest
from sdxl_reg.errors import Conflict, OutOfSpace
from sdxl_reg.imaging.decode import Limits
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import connect, prepare, reading
from sdxl_reg.tables import Blob, Caption, CaptionHead, Image, Member, MemberTag
from tests.registry.catalog.pictures import jpeg, picture, products, write

GOOD = "weipin/qzy/flawless"


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    """What is tested here is the folder; SQLite alone will do."""
    engine = connect(f"sqlite:///{tmp_path}/registry.db")
    prepare(engine)
    return engine


@pytest.fixture
def ugly(tmp_path: Path) -> Path:
    """One good picture and much that is not."""
    root = write(
        tmp_path / "ugly",
        {
            f"{GOOD}/good.jpg": jpeg(1),
            f"{GOOD}/empty.jpg": b"",
            f"{GOOD}/page.jpg": b"<html>404</html>",
            f"{GOOD}/cut.jpg": jpeg(2, size=(200, 200))[:3000],
            f"{GOOD}/bomb.png": _bomb(),
            f"{GOOD}/drawing.svg": b"<svg/>",
            f"{GOOD}/film.mp4": b"x",
            f"{GOOD}/Thumbs.db": b"x",
            f"{GOOD}/._good.jpg": b"x",
            f"{GOOD}/.ipynb_checkpoints/good-checkpoint.jpg": jpeg(1),
            f"{GOOD}/lonely.txt": b"a caption without a picture",
        },
    )
    picture(3).save(root / GOOD / "really_a_png.jpg", "PNG")
    os.mkfifo(root / GOOD / "pipe.jpg")
    (root / GOOD / "dangling.jpg").symlink_to("nothing")
    (root / GOOD / "outside.jpg").symlink_to(
        write(tmp_path, {"outside.jpg": jpeg(4)}) / "outside.jpg"
    )
    return root


def _bomb() -> bytes:
    stream = io.BytesIO()
    Pillow.new("1", (20_000, 20_000)).save(stream, "PNG")
    return stream.getvalue()


def _rows_are_whole(engine: Engine, store: BlobStore) -> None:
    """Every row that an ingest writes points at what it needs, and every blob is there."""
    with reading(engine) as session:
        for digest in session.scalars(select(Blob.sha256)):
            store.verify(digest)
        members = set(session.scalars(select(Member.id)))
        assert members == set(session.scalars(select(CaptionHead.member_id)))
        assert members == set(session.scalars(select(MemberTag.member_id)))
        assert set(session.scalars(select(Blob.id))) == set(session.scalars(select(Image.blob_id)))
        captions = set(session.scalars(select(Caption.id)))
        assert set(session.scalars(select(CaptionHead.caption_id))) <= captions


def test_everything_in_an_ugly_folder_is_told_and_the_good_is_taken(
    engine: Engine, store: BlobStore, ugly: Path
) -> None:
    report = ingest(engine, store, ugly)
    told = {problem.path.removeprefix(f"{GOOD}/"): problem.code for problem in report.problems}
    assert told == {
        "bomb.png": "too-large",
        "cut.jpg": "truncated",
        "dangling.jpg": "link-dangling",
        "drawing.svg": "unsupported-type",
        "empty.jpg": "empty",
        "film.mp4": "unsupported-type",
        "lonely.txt": "caption-without-picture",
        "outside.jpg": "link-outside",
        "page.jpg": "not-an-image",
        "pipe.jpg": "not-a-file",
    }
    assert (report.seen, report.new, report.skipped, report.failed) == (12, 2, 6, 4)
    assert report.ignored == {"._*": 1, ".ipynb_checkpoints": 1, "Thumbs.db": 1}
    assert all(problem.message and problem.stage for problem in report.problems)
    with reading(engine) as session:
        formats = [m.format for m in members_of(session, find_image_set(session, "weipin"))]
    assert formats == ["JPEG", "PNG"]
    _rows_are_whole(engine, store)


def test_an_ugly_folder_reads_the_same_again(engine: Engine, store: BlobStore, ugly: Path) -> None:
    first, second = ingest(engine, store, ugly), ingest(engine, store, ugly)
    assert second.problems == first.problems
    assert (second.unchanged, second.new) == (2, 0)


def test_a_folder_of_which_nothing_can_be_taken_makes_no_set(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    report = ingest(engine, store, write(tmp_path / "weipin", {"qzy/flawed/a.jpg": b""}))
    assert (report.failed, report.image_sets) == (1, ())


def test_a_large_picture_is_taken_when_the_cap_allows_it(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    root = write(tmp_path / "weipin", {"qzy/flawless/a.jpg": jpeg(1, size=(300, 300))})
    small = IngestOptions(limits=Limits(max_pixels=80_000))
    assert ingest(engine, store, root, options=small).failed == 1
    assert ingest(engine, store, root).new == 1


def test_a_file_that_vanishes_after_the_scan_is_told(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    files = {f"{GOOD}/{n:03}.jpg": jpeg(n) for n in range(90)}
    root = write(tmp_path / "products", files)
    victim = root / GOOD / "089.jpg"
    report = ingest(
        engine,
        store,
        root,
        options=IngestOptions(threads=1),
        progress=lambda _done, _total, _what: victim.unlink(missing_ok=True),
    )
    assert [(p.path, p.code) for p in report.problems] == [(f"{GOOD}/089.jpg", "vanished")]
    assert (report.seen, report.new, report.failed) == (90, 89, 1)


def test_odd_names_go_through_the_whole_way(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    folders = ["品牌", "cafe\u0301, {x}|'y\"", os.fsdecode(b"b\xe9")]
    root = write(
        tmp_path / "weipin",
        {f"{folder}/flawless/{n} .jpg": jpeg(n) for n, folder in enumerate(folders)},
    )
    assert ingest(engine, store, root).new == 3
    with reading(engine) as session:
        members = members_of(session, find_image_set(session, "weipin"))
    assert sorted(member.caption for member in members) == sorted(
        ["品牌, flawless", "cafe\u0301 {x}|'y\", flawless", "b\\xe9, flawless"]
    )
    assert ingest(engine, store, root).unchanged == 3


def test_two_spellings_of_a_set_do_not_fight_over_it(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    root = products(tmp_path / "products", brands=("qzy",))
    write(root, {"Weipin/qzy/flawless/a.jpg": jpeg(60)})
    first, second = ingest(engine, store, root), ingest(engine, store, root)
    assert [(p.code, p.path) for p in first.problems] == [
        ("no-set", f"weipin/qzy/{rest}/xxx{n}.jpg")
        for rest in ("flawed/fold", "flawed/spot", "flawless")
        for n in (1, 2)
    ]
    assert second.missing == 0


def test_a_full_disk_stops_the_ingest_and_it_goes_on_when_there_is_room(
    engine: Engine, store: BlobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {f"qzy/flawless/{n:03}.jpg": jpeg(n) for n in range(100)}
    root = write(tmp_path / "weipin", files)
    real, calls = os.fsync, threading.Semaphore(160)  # room for some of the pictures

    def filling(descriptor: int) -> None:
        if not calls.acquire(blocking=False):
            raise OSError(28, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", filling)
    with pytest.raises(OutOfSpace):
        ingest(engine, store, root, options=IngestOptions(threads=2))
    monkeypatch.undo()
    _rows_are_whole(engine, store)
    report = ingest(engine, store, root)
    assert 0 < report.unchanged < 100
    assert report.image_sets[0].images == 100
    _rows_are_whole(engine, store)


def test_what_the_database_refuses_each_time_is_told_in_its_words(
    store: BlobStore, tmp_path: Path
) -> None:
    engine = connect(f"sqlite:///{tmp_path}/registry.db")
    prepare(engine)
    with engine.begin() as connection:
        connection.execute(text(_NO_MEMBERS))
    with pytest.raises(Conflict, match="there is no room for members"):
        ingest(engine, store, products(tmp_path))
    engine.dispose()


_NO_MEMBERS = """
CREATE TRIGGER full BEFORE INSERT ON member
BEGIN SELECT RAISE(ABORT, 'there is no room for members'); END
"""


def test_an_interrupt_keeps_what_was_finished(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    root = write(tmp_path / "weipin", {f"qzy/flawless/{n:03}.jpg": jpeg(n) for n in range(100)})

    def interrupt(done: int, _total: int, _what: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ingest(engine, store, root, progress=interrupt)
    _rows_are_whole(engine, store)
    report = ingest(engine, store, root)
    assert (report.unchanged, report.new + report.unchanged) == (8, 100)


@pytest.mark.slow
def test_a_kill_in_the_middle_loses_nothing_that_was_recorded(tmp_path: Path) -> None:
    root = write(tmp_path / "weipin", {f"qzy/flawless/{n:03}.jpg": jpeg(n) for n in range(300)})
    home = tmp_path / "home"
    environment = os.environ | {"SDXL_REG_HOME": str(home)}
    command = [
        sys.executable,
        "-c",
        "from sdxl_reg_cli.main import main; main()",
        "ingest",
        str(root),
    ]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    blobs = home / "blobs"
    while sum(1 for _ in blobs.glob("??/*")) < 100 and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    engine, store = connect(f"sqlite:///{home}/registry.db"), BlobStore(blobs)
    _rows_are_whole(engine, store)
    report = ingest(engine, store, root)
    assert report.unchanged + report.new == 300
    assert report.unchanged < 300
    assert report.image_sets[0].images == 300
    _rows_are_whole(engine, store)
    assert ingest(engine, store, root).unchanged == 300


def _both(url: str, store: BlobStore, root: Path) -> list[IngestReport]:
    barrier = threading.Barrier(2)

    def one(_: int) -> IngestReport:
        engine = connect(url)
        try:
            return ingest(engine, store, root, announce=lambda _plan, _new: _wait(barrier))
        finally:
            engine.dispose()

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(one, range(2)))


def _wait(barrier: threading.Barrier) -> None:
    barrier.wait(timeout=60)


@pytest.mark.slow
def test_two_ingests_of_one_folder_at_once_end_as_one(
    empty_database: str, store: BlobStore, tmp_path: Path
) -> None:
    engine = connect(empty_database)
    prepare(engine)
    files = {
        f"{b}/flawed/spot/{n:03}.jpg": jpeg(n % 90) for n in range(100) for b in ("qzy", "lsbr")
    }
    root = write(tmp_path / "weipin", files)
    reports = _both(empty_database, store, root)
    assert sum(report.new for report in reports) == 90
    assert [report.failed for report in reports] == [0, 0]
    _rows_are_whole(engine, store)
    assert ingest(engine, store, root).unchanged == 200
    engine.dispose()


def test_chinese_folders_are_read_where_the_system_speaks_plain_c(tmp_path: Path) -> None:
    root = write(tmp_path / "产品", {"唯品/秋装/瑕疵/污渍/图一.jpg": jpeg(1)})
    home = {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    program = "from sdxl_reg_cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "ingest", str(root), "--json"],
        env=os.environ | home | {"SDXL_REG_HOME": str(tmp_path / "own")},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    engine = connect(f"sqlite:///{tmp_path}/own/registry.db")
    with reading(engine) as session:
        members = members_of(session, find_image_set(session, "唯品"))
        assert [(m.source_path, m.tag_path) for m in members] == [
            ("秋装/瑕疵/污渍/图一.jpg", "秋装/瑕疵/污渍")
        ]
    engine.dispose()


def test_a_set_can_be_looked_at_while_it_is_ingested(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    root = write(tmp_path / "p", {f"{GOOD}/{n:03}.jpg": jpeg(n) for n in range(200)})
    seen: list[int] = []

    def look(_done: int, _total: int, _what: str) -> None:
        with reading(engine) as session:
            image_set = find_image_set(session, "weipin")
            page = page_of_members(session, image_set, tag="qzy", limit=500)
            assert page.total == len(page.members)
            seen.append(page.total)

    ingest(engine, store, root, progress=look)
    assert seen == [8, 24, 56, 120, 184, 200]
