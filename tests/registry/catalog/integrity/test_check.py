"""Finding and mending what is wrong with a registry."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete, insert, select, update

from sdxl_reg.catalog.integrity.check import check, repair
from sdxl_reg.catalog.integrity.faults import FaultKind, IntegrityReport
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import reading, transaction
from sdxl_reg.tables import (
    ArtifactFile,
    Blob,
    CaptionHead,
    DatasetEntry,
    Image,
    ImageSet,
    LineageDep,
    MemberTag,
    Node,
    Tag,
    TagClosure,
)
from tests.registry.catalog.integrity.damage import cut, flip


def _looked_at(engine: Engine, store: BlobStore, *, quick: bool = False) -> IntegrityReport:
    return check(engine, store, lambda _done, _total, _what: None, quick=quick)


def _kinds(report: IntegrityReport) -> list[FaultKind]:
    return sorted({fault.kind for fault in report.faults})


def _picture(engine: Engine) -> str:
    with reading(engine) as session:
        return session.scalars(select(Blob.sha256).join(Image).order_by(Image.id)).first() or ""


def test_a_registry_that_is_as_it_was_written_has_no_fault(
    trained: Engine, store: BlobStore
) -> None:
    report = _looked_at(trained, store)
    with reading(trained) as session:
        blobs = len(session.scalars(select(Blob.id)).all())
    assert report == IntegrityReport(
        verified=blobs, faults=(), unrecorded=0, unrecorded_bytes=0, strays=()
    )
    assert blobs > 10


def test_flipped_short_and_lost_bytes_are_told_with_what_needs_them(
    trained: Engine, store: BlobStore
) -> None:
    with reading(trained) as session:
        pictures = session.scalars(select(Blob.sha256).join(Image).order_by(Image.id)).all()
        lora = session.scalars(
            select(Blob.sha256).join(ArtifactFile).where(ArtifactFile.path.like("%.safetensors"))
        ).all()[-1]
    flip(store, pictures[0])
    cut(store, pictures[1])
    store.path(lora).unlink()
    report = _looked_at(trained, store)
    assert report.subjects(FaultKind.CORRUPT) == [*pictures[:2]]
    assert report.subjects(FaultKind.MISSING) == [lora]
    by_subject = {fault.subject: fault for fault in report.faults}
    assert by_subject[pictures[0]].used_by[0].startswith("shop/")
    assert "SHA-256 is" in by_subject[pictures[0]].message
    assert " of " in by_subject[pictures[1]].message
    assert any("x-lora@" in user for user in by_subject[lora].used_by)


def test_a_quick_look_sees_lengths_only(trained: Engine, store: BlobStore) -> None:
    digest = _picture(trained)
    flip(store, digest)
    assert _looked_at(trained, store, quick=True).faults == ()
    cut(store, digest)
    assert _looked_at(trained, store, quick=True).subjects(FaultKind.CORRUPT) == [digest]


def test_files_without_a_row_and_files_that_are_no_blobs_are_told_apart(
    trained: Engine, store: BlobStore
) -> None:
    store.put_bytes(b"nobody's")
    (store.root / "notes.txt").write_text("mine")
    (store.root / _picture(trained)[:2] / "short").write_text("mine too")
    report = _looked_at(trained, store)
    assert report.faults == ()
    assert (report.unrecorded, report.unrecorded_bytes) == (1, 8)
    assert sorted(Path(stray).name for stray in report.strays) == ["notes.txt", "short"]


def test_lost_bytes_come_back_from_a_second_store(
    trained: Engine, store: BlobStore, tmp_path: Path
) -> None:
    second = BlobStore(tmp_path / "second")
    shutil.copytree(store.root, second.root)
    with reading(trained) as session:
        digests = session.scalars(select(Blob.sha256).order_by(Blob.id)).all()
    flip(store, digests[0])
    store.path(digests[1]).unlink()
    flip(store, digests[2])
    flip(second, digests[2])
    restored = repair(trained, store, _looked_at(trained, store), second)
    assert restored == 2
    assert _looked_at(trained, store).subjects(FaultKind.CORRUPT) == [digests[2]]
    assert not store.path(digests[0]).stat().st_mode & 0o222


def _drop_closure(engine: Engine) -> None:
    with transaction(engine) as session:
        session.execute(delete(TagClosure).where(TagClosure.depth == 0))


def _false_closure(engine: Engine) -> None:
    with transaction(engine) as session:
        tags = session.scalars(select(Tag.id).order_by(Tag.id)).all()
        row = {"ancestor_id": tags[-1], "descendant_id": tags[0], "depth": 1}
        session.execute(insert(TagClosure), row)


def _false_path(engine: Engine) -> None:
    with transaction(engine) as session:
        session.execute(update(Tag).values(path="elsewhere/" + Tag.name))


def _drop_edge(engine: Engine) -> None:
    with transaction(engine) as session:
        session.execute(delete(LineageDep).where(LineageDep.slot == "base"))


def _false_edge(engine: Engine) -> None:
    with transaction(engine) as session:
        edge = session.scalars(select(LineageDep)).first()
        assert edge is not None
        session.add(
            LineageDep(
                child_id=edge.child_id, parent_id=edge.parent_id, run_id=edge.run_id, slot="other"
            )
        )


def _false_project(engine: Engine) -> None:
    with transaction(engine) as session:
        session.execute(update(Node).values(project="elsewhere"))


def _false_counts(engine: Engine) -> None:
    with transaction(engine) as session:
        image_set = session.scalars(select(ImageSet)).one()
        assert image_set.totals is not None
        image_set.totals = image_set.totals | {"members": 99}


@pytest.mark.parametrize(
    ("harm", "kind"),
    [
        (_drop_closure, FaultKind.TAG_TREE),
        (_false_closure, FaultKind.TAG_TREE),
        (_false_path, FaultKind.TAG_TREE),
        (_drop_edge, FaultKind.LINEAGE),
        (_false_edge, FaultKind.LINEAGE),
        (_false_project, FaultKind.LINEAGE),
        (_false_counts, FaultKind.COUNTS),
    ],
)
def test_what_is_derived_is_compared_with_the_truth_and_derived_anew(
    harm: object, kind: FaultKind, trained: Engine, store: BlobStore
) -> None:
    assert callable(harm)
    before = _rows(trained)
    harm(trained)
    report = _looked_at(trained, store)
    assert kind in _kinds(report)
    assert set(_kinds(report)) <= {kind, FaultKind.COUNTS}  # counts follow from the tree
    repair(trained, store, report, None)
    assert _looked_at(trained, store).faults == ()
    assert _rows(trained) == before


def _rows(engine: Engine) -> list[object]:
    with reading(engine) as session:
        return [
            sorted(tuple(row) for row in session.execute(select(*table.__table__.columns)))
            for table in (TagClosure, Tag, LineageDep, Node)
        ]


def test_rows_that_contradict_others_are_told(trained: Engine, store: BlobStore) -> None:
    with transaction(trained) as session:
        other = ImageSet(name="other", name_key="other", source="/", layout="brand")
        session.add(other)
        session.flush()
        tag = session.scalars(select(MemberTag)).first()
        assert tag is not None
        tag.image_set_id = other.id
        heads = session.scalars(select(CaptionHead).order_by(CaptionHead.member_id)).all()
        heads[0].caption_id = heads[1].caption_id
        entry = session.scalars(select(DatasetEntry)).first()
        session.delete(entry)
        image_set = session.scalars(select(ImageSet).where(ImageSet.name == "shop")).one()
        image_set.totals = None
    report = _looked_at(trained, store)
    assert _kinds(report) == [FaultKind.MEMBERS, FaultKind.VERSIONS]
    assert report.subjects(FaultKind.VERSIONS) == ["shop@1"]
    assert len(report.subjects(FaultKind.MEMBERS)) == 2


def test_rows_of_sqlite_that_point_nowhere_are_told(sqlite: Engine, store: BlobStore) -> None:
    with closing(sqlite3.connect(str(sqlite.url.database))) as connection, connection:
        connection.execute("DELETE FROM caption")  # SQLite minds only when it is told to
    (fault, *_) = _looked_at(sqlite, store).faults
    assert fault.kind == FaultKind.DATABASE
    assert "caption" in fault.message
