"""Ingesting a folder again: what is unchanged is passed over, what changed is found, wherever."""

import io
import os
from pathlib import Path

import pytest
from PIL import Image as Pillow
from sqlalchemy import Engine, delete, func, select, update

from sdxl_reg.catalog.images import find_image_set, members_of, page_of_members
from sdxl_reg.catalog.ingest import IngestOptions, IngestReport, ingest
from sdxl_reg.catalog.totals import refresh_totals, totals_of
from sdxl_reg.errors import Corrupt, NotFound
from sdxl_reg.imaging.thumbnails import PREVIEW_SIDE, thumbnail_path
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import connect, prepare, reading, transaction
from sdxl_reg.tables import FolderScan, Image, Member
from tests.registry.catalog.pictures import jpeg, photograph, picture, products, write

GOOD = "weipin/qzy/flawless"


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    """What is tested here is the folder; SQLite alone will do."""
    engine = connect(f"sqlite:///{tmp_path}/registry.db")
    prepare(engine)
    return engine


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return products(tmp_path / "products")


def _counts(report: IngestReport) -> dict[str, int]:
    names = ("seen", "new", "unchanged", "duplicates", "skipped", "failed", "moved", "missing")
    return {name: getattr(report, name) for name in names if getattr(report, name)}


def test_an_unchanged_folder_is_not_read_file_by_file(
    engine: Engine, store: BlobStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest(engine, store, root)
    listed: list[str] = []
    real = os.scandir

    def watched(path: Path) -> object:
        listed.append(str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", watched)
    report = ingest(engine, store, root)
    assert _counts(report) == {"seen": 12, "unchanged": 12}
    assert listed.count(str(root / GOOD)) == 1  # by the survey, and not once more


def test_what_was_told_of_an_unchanged_folder_is_told_again(
    engine: Engine, store: BlobStore, root: Path
) -> None:
    write(root, {f"{GOOD}/bad.jpg": b"text", f"{GOOD}/a.svg": b"x", f"{GOOD}/Thumbs.db": b"x"})
    write(root, {f"{GOOD}/xxx1.txt": b"", f"{GOOD}/b.jpg": jpeg(77)[:500]})
    first, second = (ingest(engine, store, root) for _ in range(2))
    assert _counts(second) == {"seen": 15, "unchanged": 12, "skipped": 1, "failed": 2}
    assert second.problems == first.problems
    assert (second.warnings, second.ignored) == (first.warnings, first.ignored)


def test_a_file_that_could_not_be_read_is_tried_again(
    engine: Engine, store: BlobStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = root / GOOD / "xxx1.jpg"
    real = os.open

    def busy(path: Path, *rest: int) -> int:
        if Path(path) == victim:
            raise PermissionError(13, "Permission denied")
        return real(path, *rest)

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", busy)
        assert ingest(engine, store, root).failed == 1
    assert _counts(ingest(engine, store, root)) == {"seen": 12, "new": 1, "unchanged": 11}


def test_another_limit_reads_a_folder_again(engine: Engine, store: BlobStore, root: Path) -> None:
    from sdxl_reg.imaging.decode import Limits

    small = IngestOptions(limits=Limits(max_pixels=100))
    assert ingest(engine, store, root, options=small).failed == 12
    assert ingest(engine, store, root).new == 12


def test_a_file_of_another_inode_is_read_again(
    engine: Engine, store: BlobStore, root: Path
) -> None:
    ingest(engine, store, root)
    path = root / GOOD / "xxx1.jpg"
    facts = path.stat()
    other = bytearray(path.read_bytes())
    other[-40] ^= 1
    path.rename(root.parent / "aside")
    path.write_bytes(other)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert _counts(ingest(engine, store, root)) == {"seen": 12, "new": 1, "unchanged": 11}


def test_a_folder_renamed_far_away_keeps_its_members(
    engine: Engine, store: BlobStore, root: Path
) -> None:
    ingest(engine, store, root)
    with reading(engine) as session:
        before = set(session.scalars(select(Member.id)))
    (root / "weipin/qzy").rename(root / "weipin/neu")
    report = ingest(engine, store, root)
    assert _counts(report) == {"seen": 12, "unchanged": 12, "moved": 6}
    with reading(engine) as session:
        members = session.scalars(select(Member)).all()
        assert {member.id for member in members} == before
        assert all(m.folder == m.source_path.rpartition("/")[0] for m in members)


def test_a_deleted_folder_is_missing_and_forgotten_folders_are_no_trouble(
    engine: Engine, store: BlobStore, root: Path
) -> None:
    ingest(engine, store, root)
    for name in ("xxx1.jpg", "xxx2.jpg"):
        (root / "weipin/qzy/flawed/spot" / name).unlink()
    (root / "weipin/qzy/flawed/spot").rmdir()
    assert ingest(engine, store, root).missing == 2
    assert _counts(ingest(engine, store, root)) == {"seen": 10, "unchanged": 10}


def test_the_kept_totals_are_those_that_one_counts(
    engine: Engine, store: BlobStore, root: Path
) -> None:
    write(root, {"weipin/lsbr/flawed/again.jpg": (root / GOOD / "xxx1.jpg").read_bytes()})
    ingest(engine, store, root)
    (root / GOOD / "xxx2.jpg").unlink()
    ingest(engine, store, root)
    with transaction(engine) as session:
        image_set = find_image_set(session, "weipin")
        kept = totals_of(session, image_set)
        assert image_set.totals is not None
        assert (kept.members, kept.missing, kept.images) == (12, 1, 11)
        assert refresh_totals(session, image_set) == kept
        page = page_of_members(session, image_set, tag="qzy")
        assert page.total == len(page.members) == 6


def test_a_jpeg_saved_as_png_is_a_pixel_duplicate(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    stream = io.BytesIO()
    photograph().save(stream, "JPEG", quality=85)  # large: decoded at a fraction of its size
    data = stream.getvalue()
    stream = io.BytesIO()
    Pillow.open(io.BytesIO(data)).save(stream, "PNG")
    root = write(tmp_path / "p", {f"{GOOD}/a.jpg": data, f"{GOOD}/b.png": stream.getvalue()})
    report = ingest(engine, store, root)
    assert _counts(report) == {"seen": 2, "new": 1, "duplicates": 1}
    assert [problem.code for problem in report.warnings] == ["pixel-duplicate"]


def test_pictures_that_only_look_alike_are_both_kept(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    flawless = picture(1, size=(640, 480)).resize((64, 48)).resize((640, 480))
    flawed = flawless.copy()
    flawed.putpixel((320, 240), (255, 255, 255))
    files = {}
    for name, image in (("flawless", flawless), ("flawed", flawed)):
        stream = io.BytesIO()
        image.save(stream, "PNG")
        files[f"weipin/qzy/{name}/a.png"] = stream.getvalue()
    report = ingest(engine, store, write(tmp_path / "p", files))
    assert _counts(report) == {"seen": 2, "new": 2}


def test_most_pictures_are_never_decoded_whole(
    engine: Engine, store: BlobStore, root: Path
) -> None:
    ingest(engine, store, root)
    with reading(engine) as session:
        assert session.scalar(select(func.count(Image.pixel_sha256))) == 0


def test_a_picture_is_judged_and_gets_its_thumbnail(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    exif = Pillow.Exif()
    exif[0x010F], exif[0x0110], exif[0x0112] = "Weipin", "Mark II", 6
    exif.get_ifd(0x8769)[0x9003] = "2026:11:27 10:00:00"
    stream = io.BytesIO()
    picture(1, size=(600, 400)).save(stream, "JPEG", exif=exif)
    root = write(tmp_path / "p", {f"{GOOD}/a.jpg": stream.getvalue()})
    small = tmp_path / "small"
    ingest(engine, store, root, thumbnails=small)
    with reading(engine) as session:
        image = session.scalars(select(Image)).one()
        assert (image.width, image.height) == (400, 600)
        assert image.exif == {
            "camera": "Weipin Mark II",
            "taken": "2026:11:27 10:00:00",
            "orientation": "6",
        }
        assert image.brightness == pytest.approx(127, abs=8)
        assert image.sharpness is not None
        path = thumbnail_path(small, image.blob.sha256, PREVIEW_SIDE)
    with Pillow.open(path) as thumbnail:
        assert thumbnail.size == (171, 256)


def test_what_is_ignored_is_counted_and_becomes_missing(
    engine: Engine, store: BlobStore, root: Path
) -> None:
    ingest(engine, store, root)
    write(root, {"weipin/.sdxlregignore": b"spot/\n*2.jpg\n!/qzy/flawless/xxx2.jpg\n"})
    report = ingest(engine, store, root)
    assert (report.seen, report.missing) == (5, 7)
    assert report.ignored[".sdxlregignore"] > 0
    (root / "weipin/.sdxlregignore").unlink()
    assert _counts(ingest(engine, store, root)) == {"seen": 12, "unchanged": 12}


def test_a_level_that_the_layout_asks_for_and_a_folder_lacks_is_told(
    engine: Engine, store: BlobStore, root: Path
) -> None:
    write(root, {"weipin/qzy/loose.jpg": jpeg(50)})
    options = IngestOptions(layout="{set}/{brand}/{state}/{defect?}")
    report = ingest(engine, store, root, options=options)
    assert [(p.path, p.code) for p in report.warnings if p.code == "level-missing"] == [
        ("weipin/qzy", "level-missing")
    ]
    assert report.new == 13


def test_linked_files_stay_where_they_are(engine: Engine, store: BlobStore, root: Path) -> None:
    ingest(engine, store, root, options=IngestOptions(link=True))
    with reading(engine) as session:
        members = members_of(session, find_image_set(session, "weipin"))
    for member in members:
        place = store.path(member.sha256)
        assert place.readlink().is_relative_to(root)
        assert store.read(member.sha256) == place.read_bytes()
    assert ingest(engine, store, root).unchanged == 12  # and are linked for the next time too


def test_a_linked_file_that_was_changed_is_never_given_for_the_old_one(
    engine: Engine, store: BlobStore, root: Path
) -> None:
    ingest(engine, store, root, options=IngestOptions(link=True))
    path = root / GOOD / "xxx1.jpg"
    with reading(engine) as session:
        digest = (
            session.scalars(
                select(Image).join(Member).where(Member.source_path == "qzy/flawless/xxx1.jpg")
            )
            .one()
            .blob.sha256
        )
    old = path.read_bytes()
    path.write_bytes(jpeg(99))
    with pytest.raises(Corrupt, match="linked, not copied, and was changed"):
        store.read(digest)
    path.write_bytes(old)  # with another time: hashed, found the same, and remembered so
    assert store.read(digest) == old
    path.unlink()
    with pytest.raises(NotFound, match="put it back"):
        store.read(digest)


def test_copying_after_linking_takes_the_bytes_into_the_store(
    engine: Engine, store: BlobStore, root: Path
) -> None:
    ingest(engine, store, root, options=IngestOptions(link=True))
    ingest(engine, store, root, options=IngestOptions(link=False, rehash="all"))
    assert not any(path.is_symlink() for path in store.root.glob("??/*"))


def test_every_folder_of_a_set_is_remembered(engine: Engine, store: BlobStore, root: Path) -> None:
    ingest(engine, store, root)
    with reading(engine) as session:
        scans = session.scalars(select(FolderScan)).all()
    assert sum(scan.facts["pictures"] for scan in scans) == 12
    assert all(scan.fingerprint for scan in scans)


def test_pictures_of_an_older_release_are_judged_by_the_next_ingest(
    engine: Engine, store: BlobStore, root: Path, tmp_path: Path
) -> None:
    ingest(engine, store, root)
    with transaction(engine) as session:
        session.execute(delete(FolderScan))
        session.execute(update(Image).values(preview_sha256=None, sharpness=None, phash=None))
    assert _counts(ingest(engine, store, root, thumbnails=tmp_path / "small")) == {
        "seen": 12,
        "unchanged": 12,
    }
    with reading(engine) as session:
        images = session.scalars(select(Image)).all()
    assert all(image.sharpness is not None and image.preview_sha256 for image in images)
    assert len(list((tmp_path / "small").rglob("*.jpg"))) == 12


def test_nearly_the_same_pictures_under_other_tags_are_told(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    files = {}
    for name, quality in (("flawless", 90), ("flawed", 60)):
        stream = io.BytesIO()
        photograph(640, 480).save(stream, "JPEG", quality=quality)
        files[f"weipin/qzy/{name}/a.jpg"] = stream.getvalue()
    root = write(tmp_path / "p", files)
    report = ingest(engine, store, root)
    told = [problem.message for problem in report.warnings if problem.code == "near-conflict"]
    assert told == ["2 pictures that are nearly the same are tagged qzy/flawed, qzy/flawless"]
    assert not ingest(engine, store, root).warnings
