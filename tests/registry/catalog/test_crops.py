"""Crops and backgrounds of image sets: set, cleared, undone, frozen."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.crops import (
    background_of,
    clear_crops,
    croppable,
    crops_of,
    set_background,
    set_crop,
    set_crops,
    undo_last,
)
from sdxl_reg.catalog.datasets import entries_of, freeze
from sdxl_reg.catalog.images import find_image_set, find_member
from sdxl_reg.catalog.ingest import ingest
from sdxl_reg.catalog.journal import changes
from sdxl_reg.errors import InvalidValue, NotFound
from sdxl_reg.imaging.crops import WHOLE, Box
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import transaction
from sdxl_reg.tables import Crop, ImageSet
from tests.registry.catalog.pictures import jpeg, products

BOX: Box = (0.125, 0.25, 0.875, 1.0)
OTHER: Box = (0.0, 0.0, 0.5, 0.5)


@pytest.fixture
def folder(tmp_path: Path, engine: Engine, store: BlobStore) -> Path:
    """An ingested folder of twelve pictures."""
    root = products(tmp_path / "products")
    ingest(engine, store, root)
    return root


def _set(session: Session) -> ImageSet:
    return find_image_set(session, "weipin")


def _ids(session: Session, selector: str = "") -> list[int]:
    return [each.member_id for each in croppable(session, _set(session), selector=selector)]


def _rows(session: Session) -> list[tuple[Any, ...]]:
    columns = (Crop.member_id, Crop.left, Crop.top, Crop.right, Crop.bottom)
    query = select(*columns, Crop.author, Crop.created_at).order_by(Crop.member_id)
    return [tuple(row) for row in session.execute(query)]


def _manifest(session: Session, store: BlobStore) -> tuple[bytes, list[dict[str, Any]]]:
    data = store.read(freeze(session, store, "weipin").digest)
    return data, [json.loads(line) for line in data.splitlines()]


def test_a_crop_is_kept_with_its_author(folder: Path, engine: Engine) -> None:
    with transaction(engine) as session:
        member = find_member(session, _set(session), "qzy/flawless/xxx1.jpg")
        assert set_crop(session, member.id, BOX, "mei") is not None
    with transaction(engine) as session:
        assert crops_of(session, _ids(session)) == {member.id: BOX}
        assert _rows(session)[0][5] == "mei"
        (found,) = croppable(session, _set(session), paths=["qzy/flawless/xxx1.jpg"])
        assert (found.size, found.crop) == ((48, 32), BOX)


def test_many_pictures_are_one_change_and_undone_as_one(folder: Path, engine: Engine) -> None:
    with transaction(engine) as session:
        chosen = _ids(session, "qzy/**")
        first = set_crops(session, _set(session), dict.fromkeys(chosen, BOX), author="mei")
        assert first is not None
        assert (first.verb, first.summary) == ("crops.set", "crops of 6 pictures")
    with transaction(engine) as session:
        before = _rows(session)
        everything = dict.fromkeys(_ids(session), OTHER)
        set_crops(session, _set(session), everything, author="li")
        assert {row[1:5] for row in _rows(session)} == {OTHER}
    with transaction(engine) as session:
        assert undo_last(session, _set(session)).summary == "crops of 12 pictures"
        assert _rows(session) == before, "authors and times too"
        undo_last(session, _set(session))
        assert _rows(session) == []
        with pytest.raises(NotFound, match="Nothing was changed"):
            undo_last(session, _set(session))


def test_clearing_takes_away_what_is_there_and_is_undone(folder: Path, engine: Engine) -> None:
    with transaction(engine) as session:
        ids = _ids(session)
        set_crops(session, _set(session), {ids[0]: BOX, ids[3]: OTHER})
        before = _rows(session)
        change = clear_crops(session, _set(session), ids)
        assert change is not None
        assert change.summary == "no crops any more for 2 pictures"
        assert _rows(session) == []
        assert clear_crops(session, _set(session), ids) is None
        undo_last(session, _set(session))
        assert _rows(session) == before


def test_the_whole_picture_is_no_crop(folder: Path, engine: Engine) -> None:
    with transaction(engine) as session:
        (first, second, *_) = _ids(session)
        assert set_crop(session, first, WHOLE) is None
        set_crop(session, second, BOX)
        assert set_crop(session, second, WHOLE) is not None
        assert _rows(session) == []


def test_setting_what_is_there_changes_nothing(folder: Path, engine: Engine) -> None:
    with transaction(engine) as session:
        (first, *_) = _ids(session)
        set_crop(session, first, BOX)
        assert set_crop(session, first, BOX) is None
        assert len(changes(session, "crops.")) == 1


@pytest.mark.parametrize("box", [(0.5, 0, 0.5, 1), (0, 0, 1.5, 1), (0, 0, 1)])
def test_a_box_that_is_none_changes_nothing(
    folder: Path, engine: Engine, box: Sequence[float]
) -> None:
    with transaction(engine) as session:
        first, second, *_ = _ids(session)
        with pytest.raises(InvalidValue, match="no part of a picture"):
            set_crops(session, _set(session), {first: BOX, second: box})
        assert _rows(session) == []


def test_members_of_other_sets_are_refused(
    folder: Path, engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a.jpg").write_bytes(jpeg(77))
    ingest(engine, store, tmp_path / "other")
    with transaction(engine) as session:
        (first, *_) = _ids(session)
        with pytest.raises(NotFound, match="other, member"):
            set_crops(session, find_image_set(session, "other"), {first: BOX})
        with pytest.raises(NotFound, match="no such member"):
            set_crop(session, 10_000, BOX)


def test_a_path_that_is_not_there_is_told_with_near_ones(folder: Path, engine: Engine) -> None:
    with transaction(engine) as session, pytest.raises(NotFound, match=r"weipin/qzy/nothing\.jpg"):
        croppable(session, _set(session), paths=["qzy/flawless/xxx1.jpg", "qzy/nothing.jpg"])


def test_a_manifest_without_crops_is_as_it_always_was(
    folder: Path, engine: Engine, store: BlobStore
) -> None:
    with transaction(engine) as session:
        before, lines = _manifest(session, store)
        assert all(
            set(line) <= {"caption", "path", "repeats", "sha256", "split", "tags"} for line in lines
        )
        set_crop(session, _ids(session)[0], BOX)
        set_background(session, _set(session), "#000000")
        undo_last(session, _set(session))
        undo_last(session, _set(session))
        assert _manifest(session, store)[0] == before


def test_crops_are_frozen_with_the_dataset(folder: Path, engine: Engine, store: BlobStore) -> None:
    with transaction(engine) as session:
        first = freeze(session, store, "weipin")
        set_crop(session, _ids(session)[2], BOX)
        second = freeze(session, store, "weipin")
        assert (first.version, second.version) == (1, 2)
        set_crop(session, _ids(session)[2], OTHER)
        crops = [entry.crop for entry in entries_of(session, second)]
        assert crops == [None, None, list(BOX), *[None] * 9]
        lines = [json.loads(line) for line in store.read(second.digest).splitlines()]
        assert [line.get("crop") for line in lines] == crops
        assert all(entry.crop is None for entry in entries_of(session, first))


def test_the_background_is_frozen_with_the_dataset(
    folder: Path, engine: Engine, store: BlobStore
) -> None:
    with transaction(engine) as session:
        first = freeze(session, store, "weipin")
        change = set_background(session, _set(session), "00FF7f", author="mei")
        assert change is not None
        assert change.summary == "background #00ff7f in place of #ffffff"
        second = freeze(session, store, "weipin")
        assert set_background(session, _set(session), "#00ff7f") is None
        assert background_of(store, first) == "#ffffff"
        assert background_of(store, second) == "#00ff7f"
        undo_last(session, _set(session))
        assert _set(session).background == "#ffffff"
        assert freeze(session, store, "weipin").version == 1
        with pytest.raises(InvalidValue, match="#rrggbb"):
            set_background(session, _set(session), "black")


def test_more_pictures_than_a_statement_takes_may_be_asked_for(
    folder: Path, engine: Engine
) -> None:
    with transaction(engine) as session:
        (first, *_) = _ids(session)
        set_crop(session, first, BOX)
        assert crops_of(session, range(1, 100_000)) == {first: BOX}
