"""Ingest: what is recorded of good folders, and of them again."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select

from sdxl_reg.catalog.captions import add_caption, caption_history
from sdxl_reg.catalog.images import find_image_set, find_member, members_of
from sdxl_reg.catalog.ingest import IngestOptions, IngestReport, ingest
from sdxl_reg.catalog.ingest_plan import IngestPlan
from sdxl_reg.errors import Conflict, InvalidValue, NotFound, UnknownName
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import reading, transaction
from sdxl_reg.tables import Base, Blob, Image, Member
from sdxl_reg.vocabulary import CaptionSource, MemberState
from tests.registry.catalog.pictures import jpeg, products, write

Ingest = Callable[..., IngestReport]


@pytest.fixture
def run(engine: Engine, store: BlobStore) -> Ingest:
    """Ingest a folder with options, two at a time, and check that the counts add up."""

    def run(root: Path, **options: object) -> IngestReport:
        settings = IngestOptions(threads=2, **options)  # type: ignore[arg-type]
        report = ingest(engine, store, root, options=settings)
        parts = (report.new, report.unchanged, report.duplicates, report.skipped, report.failed)
        assert report.seen == sum(parts)
        assert len(report.problems) == report.skipped + report.failed
        return report

    return run


def _rows(engine: Engine) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table."""
    with reading(engine) as session:
        return {
            table.name: sorted((tuple(row) for row in session.execute(select(table))), key=repr)
            for table in Base.metadata.sorted_tables
        }


def _captions(engine: Engine, name: str = "weipin") -> dict[str, str]:
    with reading(engine) as session:
        members = members_of(session, find_image_set(session, name))
        return {member.source_path: member.caption for member in members}


def _files(root: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in root.rglob("*")
        if path.is_file()
    }


def test_a_folder_of_sets_is_recorded_with_tags_and_captions(
    run: Ingest, engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    report = run(products(tmp_path / "products"))
    assert [(s.name, s.images) for s in report.image_sets] == [("weipin", 12)]
    assert (report.seen, report.new) == (12, 12)
    with reading(engine) as session:
        members = members_of(session, find_image_set(session, "Weipin"))
    assert [member.source_path for member in members] == sorted(m.source_path for m in members)
    spot = next(m for m in members if m.source_path == "qzy/flawed/spot/xxx1.jpg")
    assert (spot.tag_path, spot.caption) == ("qzy/flawed/spot", "qzy, flawed, spot")
    assert (spot.width, spot.height, spot.format) == (48, 32, "JPEG")
    source = tmp_path / "products" / "weipin" / spot.source_path
    assert store.read(spot.sha256) == source.read_bytes()


def test_the_set_itself_is_recognised_as_the_same_set(
    run: Ingest, engine: Engine, tmp_path: Path
) -> None:
    root = products(tmp_path / "products")
    run(root)
    before = _rows(engine)
    report = run(root / "weipin")
    assert (report.unchanged, report.new) == (12, 0)
    assert _rows(engine) == before


def test_ingesting_again_changes_no_row_and_no_file(
    run: Ingest, engine: Engine, tmp_path: Path
) -> None:
    root = products(tmp_path / "products")
    run(root, caption="{tags}, black background")
    rows, files = _rows(engine), _files(tmp_path)
    assert run(root).unchanged == 12
    assert run(root, caption="{tags}, black background").unchanged == 12
    assert _rows(engine) == rows
    assert _files(tmp_path) == files


def test_reading_every_file_again_finds_them_unchanged(
    run: Ingest, engine: Engine, tmp_path: Path
) -> None:
    root = products(tmp_path / "products")
    run(root)
    captions = _captions(engine)
    assert run(root, rehash="all").unchanged == 12
    assert _captions(engine) == captions


def test_a_template_makes_the_captions_and_is_remembered(
    run: Ingest, engine: Engine, tmp_path: Path
) -> None:
    root = products(tmp_path / "products", brands=("qzy",))
    run(root)
    run(root, caption="a {brand} box, {state}, {defect}, black background")
    write(root, {"weipin/qzy/flawless/new.jpg": jpeg(99)})
    run(root)
    captions = _captions(engine)
    assert captions["qzy/flawed/spot/xxx1.jpg"] == "a qzy box, flawed, spot, black background"
    assert captions["qzy/flawless/new.jpg"] == "a qzy box, flawless, black background"


def test_a_text_beside_a_picture_is_its_caption_and_follows_its_file(
    run: Ingest, engine: Engine, tmp_path: Path
) -> None:
    root = write(tmp_path / "weipin", {"qzy/flawless/a.jpg": jpeg(1), "qzy/flawless/a.txt": b"one"})
    run(root)
    assert _captions(engine) == {"qzy/flawless/a.jpg": "one"}
    write(root, {"qzy/flawless/a.txt": b"two"})
    report = run(root)
    assert (report.unchanged, report.captions) == (1, 1)
    assert _captions(engine) == {"qzy/flawless/a.jpg": "two"}
    (root / "qzy/flawless/a.txt").unlink()
    run(root)
    assert _captions(engine) == {"qzy/flawless/a.jpg": "qzy, flawless"}
    with reading(engine) as session:
        member = find_member(session, find_image_set(session, "weipin"), "qzy/flawless/a.jpg")
        texts = [caption.text for caption in caption_history(session, member.id)]
    assert texts == ["qzy, flawless", "two", "one"]


def test_the_caption_of_a_person_is_never_replaced(
    run: Ingest, engine: Engine, tmp_path: Path
) -> None:
    root = write(tmp_path / "weipin", {"qzy/flawless/a.jpg": jpeg(1)})
    run(root)
    with transaction(engine) as session:
        member = find_member(session, find_image_set(session, "weipin"), "qzy/flawless/a.jpg")
        add_caption(session, member.id, "mine", source=CaptionSource.PERSON)
    write(root, {"qzy/flawless/a.txt": b"theirs"})
    run(root, caption="{tags}, other", rehash="all")
    assert _captions(engine) == {"qzy/flawless/a.jpg": "mine"}


def test_exact_duplicates_are_one_blob_and_given_to_training_once(
    run: Ingest, engine: Engine, tmp_path: Path
) -> None:
    data = jpeg(1)
    root = write(tmp_path / "weipin", {f"qzy/flawless/{n}.jpg": data for n in "abc"})
    report = run(root)
    assert (report.new, report.duplicates) == (1, 2)
    assert [w.code for w in report.warnings] == ["duplicate", "duplicate"]
    assert [(s.images, s.members) for s in report.image_sets] == [(1, 3)]
    assert list(_captions(engine)) == ["qzy/flawless/a.jpg"]
    with reading(engine) as session:
        assert session.scalar(select(func.count(Blob.id))) == 1
    assert run(root).unchanged == 3


def test_the_same_pixels_in_other_bytes_are_a_pixel_duplicate(
    run: Ingest, engine: Engine, tmp_path: Path
) -> None:
    from tests.registry.catalog.pictures import picture

    root = tmp_path / "weipin" / "qzy" / "flawless"
    root.mkdir(parents=True)
    picture(1).save(root / "a.png", compress_level=1)
    picture(1).save(root / "b.png", compress_level=9)
    picture(1).save(root / "c.bmp")
    report = run(tmp_path / "weipin")
    assert (report.new, report.duplicates) == (1, 2)
    assert [w.code for w in report.warnings] == ["pixel-duplicate", "pixel-duplicate"]
    assert report.image_sets[0].images == 1


def test_one_picture_under_two_labels_is_in_both_and_reported(
    run: Ingest, engine: Engine, tmp_path: Path
) -> None:
    data = jpeg(1)
    root = write(tmp_path / "weipin", {"qzy/flawless/a.jpg": data, "qzy/flawed/spot/a.jpg": data})
    report = run(root)
    assert [w.code for w in report.warnings] == ["duplicate", "label-conflict"]
    assert len(_captions(engine)) == 2
    with reading(engine) as session:
        assert session.scalar(select(func.count(Image.id))) == 1


def test_an_edited_file_is_a_new_picture_at_its_path(
    run: Ingest, engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    root = write(tmp_path / "weipin", {"qzy/flawless/a.jpg": jpeg(1)})
    run(root)
    with reading(engine) as session:
        [old] = members_of(session, find_image_set(session, "weipin"))
    write(root, {"qzy/flawless/a.jpg": jpeg(2, size=(64, 64))})
    assert run(root).new == 1
    with reading(engine) as session:
        [member] = members_of(session, find_image_set(session, "weipin"))
    assert (member.member_id, member.width) == (old.member_id, 64)
    assert store.read(old.sha256) == jpeg(1)


def test_a_touched_file_is_read_and_found_unchanged(run: Ingest, tmp_path: Path) -> None:
    root = write(tmp_path / "weipin", {"qzy/flawless/a.jpg": jpeg(1)})
    run(root)
    os.utime(root / "qzy/flawless/a.jpg", ns=(1, 1))
    report = run(root)
    assert (report.unchanged, report.new, report.duplicates) == (1, 0, 0)


def test_a_deleted_file_is_missing_and_comes_back(
    run: Ingest, engine: Engine, tmp_path: Path
) -> None:
    root = products(tmp_path / "products", brands=("qzy",))
    path = root / "weipin/qzy/flawed/spot/xxx1.jpg"
    run(root)
    data, facts = path.read_bytes(), path.stat()
    path.unlink()
    report = run(root)
    assert (report.missing, report.image_sets[0].missing) == (1, 1)
    assert "qzy/flawed/spot/xxx1.jpg" not in _captions(engine)
    assert run(root).missing == 0
    path.write_bytes(data)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    report = run(root)
    assert (report.unchanged, report.image_sets[0].missing) == (6, 0)
    assert "qzy/flawed/spot/xxx1.jpg" in _captions(engine)


def test_a_folder_that_cannot_be_listed_makes_nothing_missing(
    run: Ingest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = products(tmp_path / "products")
    run(root)
    real = os.scandir

    def guarded(path: Path) -> object:
        if Path(path).name == "flawed":
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", guarded)
    report = run(root)
    assert (report.missing, report.skipped) == (0, 2)


def test_a_renamed_folder_is_recognised_and_keeps_its_captions(
    run: Ingest, engine: Engine, tmp_path: Path
) -> None:
    root = products(tmp_path / "products")
    run(root)
    with transaction(engine) as session:
        member = find_member(session, find_image_set(session, "weipin"), "qzy/flawless/xxx1.jpg")
        add_caption(session, member.id, "by hand", source=CaptionSource.PERSON)
    (root / "weipin/qzy").rename(root / "weipin/qizhiyuan")
    report = run(root)
    assert (report.moved, report.unchanged, report.new, report.missing) == (6, 12, 0, 0)
    captions = _captions(engine)
    assert captions["qizhiyuan/flawless/xxx1.jpg"] == "by hand"
    assert captions["qizhiyuan/flawed/spot/xxx1.jpg"] == "qizhiyuan, flawed, spot"
    assert run(root).unchanged == 12


def test_a_moved_or_copied_set_is_followed_with_a_warning(run: Ingest, tmp_path: Path) -> None:
    root = products(tmp_path / "products")
    run(root)
    shutil.copytree(root, tmp_path / "copy")
    report = run(tmp_path / "copy")
    assert (report.unchanged, report.new) == (12, 0)
    assert [w.code for w in report.warnings] == ["moved-set"]


def test_another_folder_of_the_same_name_is_refused(
    run: Ingest, engine: Engine, tmp_path: Path
) -> None:
    run(products(tmp_path / "products"))
    other = write(tmp_path / "other" / "weipin", {"qzy/flawless/z.jpg": jpeg(77)})
    rows = _rows(engine)
    with pytest.raises(Conflict, match="--as NAME"):
        run(other)
    assert _rows(engine) == rows
    assert run(other, as_name="weipin-2").new == 1


def test_the_same_pictures_in_two_sets_are_stored_once(
    run: Ingest, engine: Engine, tmp_path: Path
) -> None:
    root = products(tmp_path / "products")
    run(root)
    report = run(root / "weipin", as_name="again")
    assert (report.new, report.duplicates) == (0, 12)
    assert len(_captions(engine, "again")) == 12
    with reading(engine) as session:
        assert session.scalar(select(func.count(Image.id))) == 12


def test_a_slip_in_a_folder_name_is_noted(run: Ingest, tmp_path: Path) -> None:
    root = products(tmp_path / "products")
    write(root, {"weipin/qzy/flawles/a.jpg": jpeg(50)})
    [warning] = run(root).warnings
    assert warning.code == "similar-name"
    assert "Did you mean 'flawless'?" in warning.message


def test_what_was_decided_is_told_before_anything_is_done(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    told: list[str] = []

    def announce(plan: IngestPlan, new: frozenset[str]) -> None:
        with reading(engine) as session:
            assert session.scalar(select(func.count(Member.id))) == 0
        told.append(plan.layout.sentence())
        assert new == {"weipin"}

    ingest(engine, store, products(tmp_path / "products"), announce=announce)
    assert told == [
        "Each first-level folder is an image set, its folders are brand/state/defect: "
        "its states lie in the third level"
    ]


def test_progress_counts_every_picture(engine: Engine, store: BlobStore, tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    ingest(
        engine,
        store,
        products(tmp_path / "products"),
        progress=lambda done, total, _what: steps.append((done, total)),
    )
    assert steps[-1] == (12, 12)


def test_pictures_right_in_a_brand_and_below_the_layout_are_taken(
    run: Ingest, engine: Engine, tmp_path: Path
) -> None:
    root = products(tmp_path / "products", brands=("qzy",))
    write(root, {"weipin/qzy/a.jpg": jpeg(51), "weipin/qzy/flawed/spot/left/a.jpg": jpeg(52)})
    run(root)
    captions = _captions(engine)
    assert captions["qzy/a.jpg"] == "qzy"
    assert captions["qzy/flawed/spot/left/a.jpg"] == "qzy, flawed, spot, left"


def test_a_picture_beside_the_sets_is_skipped_with_what_to_do(run: Ingest, tmp_path: Path) -> None:
    root = write(products(tmp_path / "products"), {"stray.jpg": jpeg(53)})
    report = run(root)
    [problem] = report.problems
    assert (problem.path, problem.code) == ("stray.jpg", "no-set")


def test_a_folder_that_is_not_there_is_not_found_with_a_near_name(
    run: Ingest, tmp_path: Path
) -> None:
    products(tmp_path / "products")
    with pytest.raises(NotFound, match=r"Did you mean .*products\?"):
        run(tmp_path / "product")


def test_a_file_is_no_folder(run: Ingest, tmp_path: Path) -> None:
    write(tmp_path, {"a.jpg": jpeg(1)})
    with pytest.raises(InvalidValue, match="a file, not a folder"):
        run(tmp_path / "a.jpg")


def test_a_folder_without_pictures_is_refused_with_what_it_holds(
    run: Ingest, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidValue, match="holds no file"):
        run(tmp_path / "empty")
    with pytest.raises(InvalidValue, match=r"2 \.pdf, 1 \.doc"):
        run(write(tmp_path / "papers", {"a.pdf": b"x", "b.PDF": b"x", "c.doc": b"x"}))


@pytest.mark.parametrize("template", ["{brnd}", "{tags"])
def test_a_caption_template_of_the_wrong_form_is_refused(
    template: str, run: Ingest, tmp_path: Path
) -> None:
    with pytest.raises((UnknownName, InvalidValue)):
        run(products(tmp_path / "products"), caption=template)


def test_members_gone_missing_are_still_recorded(
    run: Ingest, engine: Engine, tmp_path: Path
) -> None:
    root = products(tmp_path / "products", brands=("qzy",))
    run(root)
    shutil.rmtree(root / "weipin/qzy/flawed")
    run(root)
    with reading(engine) as session:
        states = session.scalars(select(Member.state)).all()
    assert sorted(states) == [MemberState.MISSING] * 4 + [MemberState.PRESENT] * 2
