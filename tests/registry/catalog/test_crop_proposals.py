"""Proposed crops: found, looked at, applied, undone."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import Engine

from sdxl_reg.catalog.crop_proposals import apply, propose
from sdxl_reg.catalog.crop_sheets import proposal_sheet
from sdxl_reg.catalog.crops import croppable, crops_of, set_crop, undo_last
from sdxl_reg.catalog.images import find_image_set
from sdxl_reg.catalog.ingest import ingest
from sdxl_reg.errors import Conflict, InvalidValue, UnknownName
from sdxl_reg.imaging.crops import size_of_part
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import reading, transaction

PLACES = {"left": 40, "right": 260}


@pytest.fixture
def shop(tmp_path: Path, engine: Engine, store: BlobStore) -> str:
    """A set of wide black pictures with a thing at the left or at the right."""
    for seed, (side, x) in enumerate(PLACES.items()):
        noise = np.random.default_rng(seed).integers(0, 256, (40, 40, 3), dtype=np.uint8)
        picture = Image.new("RGB", (300, 100))
        picture.paste(Image.fromarray(noise), (x - 20, 30))
        (tmp_path / "shop" / side).mkdir(parents=True)
        picture.save(tmp_path / "shop" / side / "x.png")
    ingest(engine, store, tmp_path / "shop")
    return "shop"


@pytest.mark.parametrize("method", ["edges", "entropy", "saliency", "faces"])
def test_crops_go_where_the_thing_is(
    shop: str, engine: Engine, store: BlobStore, method: str
) -> None:
    with reading(engine) as session:
        found = propose(session, store, find_image_set(session, shop), method=method).found
    assert [each.member.source_path for each in found] == ["left/x.png", "right/x.png"]
    for each, x in zip(found, PLACES.values(), strict=True):
        assert size_of_part(each.member.size, each.box) == (100, 100)
        assert each.box[0] * 300 <= x - 20
        assert each.box[2] * 300 >= x + 20
        assert each.focus[0] == pytest.approx(x / 300, abs=0.02)


def test_nothing_is_stored_until_it_is_applied_and_then_it_is_undone_as_one(
    shop: str, engine: Engine, store: BlobStore
) -> None:
    with transaction(engine) as session:
        image_set = find_image_set(session, shop)
        members = [each.member_id for each in croppable(session, image_set)]
        set_crop(session, members[0], (0, 0, 0.9, 0.9))
        before = crops_of(session, members)
        proposals = propose(session, store, image_set, aspect=(2, 1))
        assert crops_of(session, members) == before
        change = apply(session, image_set, proposals.found, author="mei")
        assert change is not None
        assert change.author == "mei"
        assert crops_of(session, members) == {p.member.member_id: p.box for p in proposals.found}
        assert apply(session, image_set, proposals.found) is None
        undo_last(session, image_set)
        assert crops_of(session, members) == before


def test_only_what_is_selected_is_looked_at(shop: str, engine: Engine, store: BlobStore) -> None:
    told: list[tuple[int, int, str]] = []
    with reading(engine) as session:
        found = propose(
            session,
            store,
            find_image_set(session, shop),
            selector="right",
            progress=lambda *stage: told.append(stage),
        ).found
    assert [each.member.source_path for each in found] == ["right/x.png"]
    assert told == [(1, 1, "look at pictures")]


def test_a_damaged_picture_is_passed_over_and_told(
    shop: str, engine: Engine, store: BlobStore
) -> None:
    with reading(engine) as session:
        image_set = find_image_set(session, shop)
        left, right = croppable(session, image_set)
        path = store.path(left.sha256)
        path.chmod(0o644)
        path.write_bytes(path.read_bytes()[:200])
        proposals = propose(session, store, image_set)
        assert [each.member.source_path for each in proposals.found] == ["right/x.png"]
        assert "left/x.png" in proposals.unreadable
        store.path(right.sha256).unlink()
        assert set(propose(session, store, image_set).unreadable) == {"left/x.png", "right/x.png"}
        assert propose(session, store, image_set, method="centre").unreadable == {}


def test_methods_and_shapes_that_do_not_exist_are_refused(
    shop: str, engine: Engine, store: BlobStore
) -> None:
    with reading(engine) as session:
        image_set = find_image_set(session, shop)
        with pytest.raises(UnknownName, match="edges"):
            propose(session, store, image_set, method="edge")
        with pytest.raises(InvalidValue, match="0 × 1"):
            propose(session, store, image_set, aspect=(0, 1))


def test_a_sheet_shows_them(shop: str, engine: Engine, store: BlobStore) -> None:
    with reading(engine) as session:
        found = propose(session, store, find_image_set(session, shop)).found
    assert proposal_sheet(store, found, background="#000000").height > 100
    with pytest.raises(Conflict, match="no picture to show"):
        proposal_sheet(store, [], background="#000000")
