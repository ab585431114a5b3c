"""Crops, sizes and file formats of exported pictures."""

import hashlib
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import Engine

from sdxl_reg.catalog.dataset_exports.baking import bucket_of
from sdxl_reg.catalog.datasets import entries_of, find_dataset_version, freeze
from sdxl_reg.catalog.images import find_image_set
from sdxl_reg.catalog.ingest import ingest
from sdxl_reg.errors import Corrupt
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import transaction
from tests.registry.catalog.dataset_exports.conftest import Exporter, turned_jpeg
from tests.registry.catalog.pictures import jpeg, picture, write


def encoded(image: Image.Image, form: str) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form)
    return stream.getvalue()


def bright_corner() -> Image.Image:
    """Grey, with all there is to see in its lower right corner."""
    image = Image.new("RGB", (128, 64), (90, 90, 90))
    image.paste(picture(3, size=(24, 24)), (100, 36))
    return image


def see_through() -> Image.Image:
    image = picture(4).convert("RGBA")
    image.putalpha(Image.new("L", image.size, 0))
    return image


@pytest.fixture
def frozen(tmp_path: Path, engine: Engine, store: BlobStore) -> str:
    """Five pictures: wide, on its side, transparent, WebP and one of 64 pixels."""
    files = {
        "set/wide.png": encoded(bright_corner(), "PNG"),
        "set/turned.jpg": turned_jpeg(),
        "set/clear.png": encoded(see_through(), "PNG"),
        "set/web.webp": encoded(picture(5), "WEBP"),
        "set/small.jpg": jpeg(6, size=(64, 64)),
    }
    ingest(engine, store, write(tmp_path / "in", files) / "set")
    with transaction(engine) as session:
        find_image_set(session, "set").background = "#102030"
        freeze(session, store, "set")
    return "set"


def crop(engine: Engine, path: str, box: list[float]) -> None:
    with transaction(engine) as session:
        for entry in entries_of(session, find_dataset_version(session, "set")):
            if entry.source_path == path:
                entry.crop = box


def opened(path: Path) -> Image.Image:
    with Image.open(path) as image:
        image.load()
    return image


def test_a_size_is_the_size_of_every_picture_in_its_own_format(
    frozen: str, export: Exporter, tmp_path: Path
) -> None:
    report = export(frozen, tmp_path / "out", "imagefolder", resolution="48x64")
    assert report.converted == 5
    names = {path.name for path in (tmp_path / "out" / "train").iterdir()} - {"metadata.jsonl"}
    assert names == {"wide.png", "turned.jpg", "clear.png", "web.webp", "small.jpg"}
    for name in names:
        image = opened(tmp_path / "out" / "train" / name)
        assert (image.size, image.mode) == ((48, 64), "RGB")
        assert not image.getexif()


def test_what_is_transparent_shows_the_background_of_the_set(
    frozen: str, export: Exporter, tmp_path: Path
) -> None:
    export(frozen, tmp_path / "a", "imagefolder", resolution="32")
    export(frozen, tmp_path / "b", "imagefolder", image_format="jpg", quality=100)
    assert opened(tmp_path / "a/train/clear.png").getcolors() == [(32 * 32, (16, 32, 48))]
    jpg = np.asarray(opened(tmp_path / "b/train/clear.jpg")).astype(int)
    assert np.abs(jpg - (16, 32, 48)).max() <= 3  # JPEG rounds colours
    export(frozen, tmp_path / "c", "imagefolder", image_format="webp")
    assert opened(tmp_path / "c/train/clear.webp").mode == "RGBA"


def test_a_picture_that_has_the_asked_format_keeps_its_bytes(
    frozen: str, export: Exporter, tmp_path: Path
) -> None:
    export(frozen, tmp_path / "out", "imagefolder", image_format="jpg")
    source = tmp_path / "in" / "set"
    assert (tmp_path / "out/train/small.jpg").read_bytes() == (source / "small.jpg").read_bytes()
    turned = opened(tmp_path / "out/train/turned.jpg")
    assert (turned.size, turned.format) == ((32, 48), "JPEG")


def test_the_middle_of_a_cut_can_be_where_there_is_something_to_see(
    frozen: str, export: Exporter, tmp_path: Path
) -> None:
    spread = {}
    for method in ("centre", "edges"):
        export(frozen, tmp_path / method, "imagefolder", resolution="32", crop=method)
        spread[method] = np.asarray(opened(tmp_path / method / "train/wide.png")).std()
    assert spread["centre"] < 5 < spread["edges"]


def test_a_part_that_a_person_chose_is_what_goes_out(
    frozen: str, engine: Engine, export: Exporter, tmp_path: Path
) -> None:
    crop(engine, "wide.png", [0.75, 0.5, 1.0, 1.0])
    report = export(frozen, tmp_path / "own", "coco")
    assert report.converted == 2
    assert opened(tmp_path / "own/train/wide.png").size == (32, 32)
    export(frozen, tmp_path / "sized", "coco", resolution="64", crop="entropy")
    assert np.asarray(opened(tmp_path / "sized/train/wide.png")).std() > 5
    export(frozen, tmp_path / "none", "coco", crop="none")
    assert opened(tmp_path / "none/train/wide.png").size == (128, 64)


def test_buckets_give_every_picture_the_nearest_shape(
    frozen: str, export: Exporter, tmp_path: Path
) -> None:
    assert bucket_of((128, 64)) == (1408, 704)
    assert bucket_of((128, 64), (0.0, 0.0, 0.5, 1.0)) == (1024, 1024)
    export(frozen, tmp_path / "out", "kohya", resolution="bucket", image_format="jpg")
    sizes = {path.stem: opened(path).size for path in (tmp_path / "out/image/1_set").glob("*.jpg")}
    assert sizes["wide"] == (1408, 704)
    assert sizes["turned"] == bucket_of((32, 48))
    assert sizes["small"] == (1024, 1024)


@pytest.mark.parametrize("form", ["folder", "imagefolder"])
def test_a_picture_that_was_damaged_in_the_store_does_not_go_out(
    form: str, frozen: str, store: BlobStore, export: Exporter, tmp_path: Path
) -> None:
    digest = hashlib.sha256((tmp_path / "in/set/small.jpg").read_bytes()).hexdigest()
    store.path(digest).chmod(0o644)
    store.path(digest).write_bytes(jpeg(7, size=(64, 64)))
    with pytest.raises(Corrupt, match=r"small\.jpg"):
        export(frozen, tmp_path / "out", form)
    assert not (tmp_path / "out").exists()
