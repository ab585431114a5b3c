"""The preview of buckets: what a training would see, before there is one."""

from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import Engine

from sdxl_reg.catalog.buckets import BucketRow, bucket_report
from sdxl_reg.catalog.crop_sheets import bucket_sheet, bucket_title
from sdxl_reg.catalog.crops import set_crop
from sdxl_reg.catalog.images import find_image_set, find_member
from sdxl_reg.catalog.ingest import ingest
from sdxl_reg.errors import Conflict, InvalidValue
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import reading, transaction
from sdxl_reg.trainers.settings.data import DataSettings
from tests.registry.catalog.pictures import picture

SIZES = {"square": (1200, 1200), "wide": (1400, 700), "small": (300, 310), "strip": (900, 40)}


@pytest.fixture
def shop(tmp_path: Path, engine: Engine, store: BlobStore) -> str:
    """A set with a picture of each shape."""
    for seed, (name, size) in enumerate(SIZES.items()):
        (tmp_path / "shop" / name).mkdir(parents=True)
        small = picture(seed, size=(8, 8)).resize(size, Image.Resampling.NEAREST)
        small.save(tmp_path / "shop" / name / "x.png")
    ingest(engine, store, tmp_path / "shop")
    return "shop"


def _report(engine: Engine, **options: object) -> list[BucketRow]:
    with reading(engine) as session:
        return bucket_report(session, find_image_set(session, "shop"), **options)  # type: ignore[arg-type]


def _names(row: BucketRow) -> list[str]:
    return [each.member.source_path.partition("/")[0] for each in row.pictures]


def test_every_bucket_has_its_pictures_and_says_what_they_lose(shop: str, engine: Engine) -> None:
    rows = {row.size: row for row in _report(engine)}
    assert {size: _names(row) for size, row in rows.items()} == {
        (1024, 1024): ["small", "square"],
        (1408, 704): ["wide"],
        (2048, 256): ["strip"],
    }
    square = rows[1024, 1024]
    assert (square.count, square.enlarged, square.repeats) == (2, 1, 2)
    assert square.cut_away_share == pytest.approx((10 / 310) / 2, abs=0.002)
    strip = rows[2048, 256].pictures[0]
    assert strip.is_enlarged
    assert strip.cut_away_share == pytest.approx(1 - 8 / 22.5, abs=0.001)
    assert strip.taken == pytest.approx((0.322, 0, 0.678, 1), abs=0.001)


def test_a_crop_decides_the_bucket_and_counts_as_cut_away(shop: str, engine: Engine) -> None:
    with transaction(engine) as session:
        member = find_member(session, find_image_set(session, shop), "wide/x.png")
        set_crop(session, member.id, (0.5, 0.0, 1.0, 1.0))
    rows = {row.size: row for row in _report(engine, selector="wide")}
    (seen,) = rows[1024, 1024].pictures
    assert seen.crop == (0.5, 0.0, 1.0, 1.0)
    assert seen.taken == pytest.approx((0.5, 0.0, 1.0, 1.0))
    assert seen.cut_away_share == pytest.approx(0.5)
    assert seen.is_enlarged


def test_a_smaller_resolution_enlarges_less(shop: str, engine: Engine) -> None:
    assert sum(row.enlarged for row in _report(engine, resolution=256)) == 1, "the strip"
    assert sum(row.enlarged for row in _report(engine, resolution=(2048, 1024))) == 4


def test_without_enlarging_pictures_keep_their_size_or_are_too_small(
    shop: str, engine: Engine
) -> None:
    rows = _report(engine, settings=DataSettings(bucket_no_upscale=True))
    assert [row.size for row in rows] == [(256, 256), (1024, 1024), (1344, 640), None]
    assert _names(rows[-1]) == ["strip"]
    assert sum(row.enlarged for row in rows) == 0
    assert bucket_title(rows[-1]) == "too small for any bucket: 1"


def test_without_buckets_all_are_cut_alike(shop: str, engine: Engine) -> None:
    (row,) = _report(engine, settings=DataSettings(enable_bucket=False), resolution=512)
    assert (row.size, row.count) == ((512, 512), 4)
    wide = next(each for each in row.pictures if each.member.width == 1400)
    assert wide.taken == pytest.approx((0.25, 0, 0.75, 1))


def test_repeats_are_counted_as_they_are_given(shop: str, engine: Engine) -> None:
    with reading(engine) as session:
        member = find_member(session, find_image_set(session, shop), "wide/x.png").id
    rows = {row.size: row for row in _report(engine, repeats={member: 7})}
    assert (rows[1408, 704].repeats, rows[1024, 1024].repeats) == (7, 2)


def test_what_is_taken_is_in_the_picture_and_has_the_shape_of_the_bucket(
    shop: str, engine: Engine
) -> None:
    for row in _report(engine, resolution=512):
        assert row.size is not None
        for each in row.pictures:
            left, top, right, bottom = each.taken
            assert 0 <= left < right <= 1
            assert 0 <= top < bottom <= 1
            ratio = (right - left) * each.member.width / ((bottom - top) * each.member.height)
            assert ratio == pytest.approx(row.size[0] / row.size[1], rel=0.02)


@pytest.mark.parametrize("resolution", [0, 32, (1024, 3)])
def test_a_resolution_that_nobody_trains_is_refused(
    shop: str, engine: Engine, resolution: object
) -> None:
    with pytest.raises(InvalidValue, match="64 pixels or more"):
        _report(engine, resolution=resolution)


def test_a_sheet_shows_every_bucket(shop: str, engine: Engine, store: BlobStore) -> None:
    rows = _report(engine)
    told: list[tuple[int, int, str]] = []
    sheet = bucket_sheet(
        store, rows, background="#000000", most=1, progress=lambda *stage: told.append(stage)
    )
    assert sheet.mode == "RGB"
    assert told[-1] == (3, 3, "draw pictures")
    assert bucket_title(rows[0]).startswith("1024 × 1024 · 2 pictures")
    with pytest.raises(Conflict, match="no picture to show"):
        bucket_sheet(store, [], background="#000000")
