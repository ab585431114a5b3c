"""What changed between dataset versions."""

from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from sdxl_reg.catalog.captions import add_caption
from sdxl_reg.catalog.dataset_diff import DatasetDiff, diff_versions
from sdxl_reg.catalog.datasets import find_dataset_version, freeze
from sdxl_reg.catalog.images import find_image_set, find_member
from sdxl_reg.catalog.ingest import ingest
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import reading, transaction
from sdxl_reg.tables import DatasetEntry
from sdxl_reg.vocabulary import CaptionSource
from tests.registry.catalog.pictures import jpeg, products, write


@pytest.fixture
def folder(tmp_path: Path, engine: Engine, store: BlobStore) -> Path:
    """An ingested folder of twelve pictures, frozen as weipin@1."""
    root = products(tmp_path / "products")
    ingest(engine, store, root)
    _freeze(engine, store)
    return root / "weipin"


def _freeze(engine: Engine, store: BlobStore, **settings: float | str) -> None:
    with transaction(engine) as session:
        freeze(session, store, "weipin", **settings)  # type: ignore[arg-type]


def _diff(engine: Engine, before: str, after: str) -> DatasetDiff:
    with reading(engine) as session:
        return diff_versions(
            session, find_dataset_version(session, before), find_dataset_version(session, after)
        )


def _again(folder: Path, engine: Engine, store: BlobStore) -> DatasetDiff:
    ingest(engine, store, folder)
    _freeze(engine, store)
    return _diff(engine, "weipin@1", "weipin@2")


def test_a_version_does_not_differ_from_itself(folder: Path, engine: Engine) -> None:
    found = _diff(engine, "weipin@1", "weipin@1")
    assert found.is_empty
    assert found.unchanged == 12


def test_added_and_removed_pictures_are_told(
    folder: Path, engine: Engine, store: BlobStore
) -> None:
    (folder / "qzy/flawless/xxx1.jpg").unlink()
    write(folder, {"qzy/flawless/new.jpg": jpeg(99)})
    found = _again(folder, engine, store)
    assert [picture.path for picture in found.added] == ["qzy/flawless/new.jpg"]
    assert [picture.path for picture in found.removed] == ["qzy/flawless/xxx1.jpg"]
    assert (found.before, found.after, found.unchanged) == ("weipin@1", "weipin@2", 11)


def test_a_file_that_was_renamed_is_the_same_picture(
    folder: Path, engine: Engine, store: BlobStore
) -> None:
    (folder / "qzy/flawless/xxx1.jpg").rename(folder / "qzy/flawless/other.jpg")
    found = _again(folder, engine, store)
    assert not found.added
    assert not found.removed
    assert [(c.before.path, c.after.path) for c in found.renamed] == [
        ("qzy/flawless/xxx1.jpg", "qzy/flawless/other.jpg")
    ]


def test_a_picture_in_another_folder_has_other_tags(
    folder: Path, engine: Engine, store: BlobStore
) -> None:
    (folder / "qzy/flawless/xxx1.jpg").rename(folder / "qzy/flawed/spot/moved.jpg")
    found = _again(folder, engine, store)
    assert [(c.before.tags, c.after.tags) for c in found.retagged] == [
        (("qzy/flawless",), ("qzy/flawed/spot",))
    ]


def test_other_bytes_under_the_same_path_are_a_picture_replaced(
    folder: Path, engine: Engine, store: BlobStore
) -> None:
    (folder / "qzy/flawless/xxx1.jpg").write_bytes(jpeg(77))
    found = _again(folder, engine, store)
    assert [change.after.path for change in found.replaced] == ["qzy/flawless/xxx1.jpg"]
    assert not found.added
    assert not found.removed


def test_a_caption_that_changed_is_told_by_its_words(
    folder: Path, engine: Engine, store: BlobStore
) -> None:
    with transaction(engine) as session:
        member = find_member(session, find_image_set(session, "weipin"), "qzy/flawless/xxx1.jpg")
        add_caption(session, member.id, "a shirt, flawless", source=CaptionSource.PERSON)
    _freeze(engine, store)
    found = _diff(engine, "weipin@1", "weipin@2")
    assert [change.after.caption for change in found.recaptioned] == ["a shirt, flawless"]
    words = found.recaptioned[0].words
    assert "".join(part.text for part in words if part.kind != "removed") == "a shirt, flawless"


def test_pictures_that_changed_sides_or_repeats_are_told(
    folder: Path, engine: Engine, store: BlobStore
) -> None:
    _freeze(engine, store, validation="brand:lsbr", balance="state")
    found = _diff(engine, "weipin@1", "weipin@2")
    assert {(c.before.split, c.after.split) for c in found.moved} == {("train", "validation")}
    assert len(found.moved) == 6
    assert {c.after.repeats for c in found.repeated} == {2}


def test_a_crop_that_changed_is_told(folder: Path, engine: Engine, store: BlobStore) -> None:
    write(folder, {"qzy/flawless/new.jpg": jpeg(99)})
    _again(folder, engine, store)
    with transaction(engine) as session:
        version = find_dataset_version(session, "weipin@2")
        entry = session.scalars(
            select(DatasetEntry).where(DatasetEntry.dataset_version_id == version.id)
        ).first()
        assert entry is not None
        entry.crop = [0.0, 0.0, 0.5, 1.0]
    found = _diff(engine, "weipin@1", "weipin@2")
    assert [change.after.crop for change in found.recropped] == [(0.0, 0.0, 0.5, 1.0)]


def test_versions_of_two_datasets_can_be_compared(
    folder: Path, engine: Engine, store: BlobStore
) -> None:
    with transaction(engine) as session:
        freeze(session, store, "spots", image_set="weipin", selector="**/spot")
    found = _diff(engine, "weipin", "spots")
    assert (len(found.removed), len(found.added), found.unchanged) == (8, 0, 4)
