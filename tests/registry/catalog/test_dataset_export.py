"""Exporting frozen datasets, and ingesting them again."""

import io
import json
import tomllib
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import Engine

from sdxl_reg.catalog.dataset_export import ExportReport, export_folder, export_kohya
from sdxl_reg.catalog.datasets import entries_of, find_dataset_version, freeze
from sdxl_reg.catalog.ingest import IngestOptions, ingest
from sdxl_reg.errors import Conflict
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import reading, transaction
from sdxl_reg.tables import DatasetEntry
from tests.registry.catalog.pictures import picture, products, write

# The keys of DreamBooth datasets in sd-scripts 48d368f, library/config_util.py, that we write.
DATASET_KEYS = {"resolution", "batch_size", "enable_bucket", "bucket_no_upscale"} | {
    *("min_bucket_reso", "max_bucket_reso", "bucket_reso_steps", "subsets")
}
SUBSET_KEYS = {"image_dir", "num_repeats", "class_tokens"}


def turned_jpeg() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    stream = io.BytesIO()
    picture(77).save(stream, "JPEG", exif=exif)
    return stream.getvalue()


@pytest.fixture
def frozen(tmp_path: Path, engine: Engine, store: BlobStore) -> str:
    """A frozen dataset of thirteen pictures, one of them lying on its side, one with a caption."""
    root = products(tmp_path / "products")
    extra = {
        "weipin/qzy/flawless/turned.jpg": turned_jpeg(),
        "weipin/qzy/flawless/turned.txt": b"up",
    }
    write(root, extra)
    ingest(engine, store, root)
    with transaction(engine) as session:
        freeze(session, store, "weipin")
    return "weipin"


def exported(engine: Engine, store: BlobStore, to: Path, **options: object) -> ExportReport:
    with reading(engine) as session:
        version = find_dataset_version(session, "weipin")
        return export_kohya(session, store, version, to, **options)  # type: ignore[arg-type]


def entries(engine: Engine, name: str) -> list[DatasetEntry]:
    with reading(engine) as session:
        found = list(entries_of(session, find_dataset_version(session, name)))
        for entry in found:
            assert entry.image.blob.sha256
        return found


def again(engine: Engine, store: BlobStore, folder: Path, name: str) -> list[DatasetEntry]:
    """The entries of an exported folder that was ingested and frozen."""
    report = ingest(engine, store, folder, options=IngestOptions(as_name=name))
    assert report.problems == ()
    with transaction(engine) as session:
        freeze(session, store, name)
    return entries(engine, name)


def test_the_folder_is_as_kohyas_trainers_read_it(
    frozen: str, engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    report = exported(engine, store, tmp_path / "out")
    assert report.folders == {"image/1_lsbr": 6, "image/1_qzy": 7}
    assert (report.images, report.converted, report.without_caption) == (13, 1, ())
    folder = tmp_path / "out" / "image" / "1_qzy"
    pictures = {path for path in folder.iterdir() if path.suffix in (".jpg", ".png")}
    assert {path.with_suffix(".txt") for path in pictures} == set(folder.glob("*.txt"))
    assert (folder / "turned.txt").read_bytes() == b"up\n"
    assert (folder / "qzy-flawed-spot-xxx1.txt").read_text() == "qzy, flawed, spot\n"
    with Image.open(folder / "turned.png") as upright:
        assert upright.size == (32, 48)
    assert all((tmp_path / "out" / name).is_dir() for name in ("model", "log"))
    captions = json.loads((tmp_path / "out" / "meta_cap.json").read_text())
    assert captions[str(folder / "turned.png")] == {"caption": "up"}


def test_the_dataset_file_has_only_keys_that_sd_scripts_knows(
    frozen: str, engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    exported(engine, store, tmp_path / "out", repeats=5)
    document = tomllib.loads((tmp_path / "out" / "dataset.toml").read_text())
    assert document["general"] == {"caption_extension": ".txt"}
    (dataset,) = document["datasets"]
    assert dataset.keys() == DATASET_KEYS
    assert [subset["num_repeats"] for subset in dataset["subsets"]] == [5, 5]
    for subset in dataset["subsets"]:
        assert subset.keys() == SUBSET_KEYS
        assert Path(subset["image_dir"]).name == f"5_{subset['class_tokens']}"
        assert list(Path(subset["image_dir"]).glob("*.txt"))


def test_a_class_word_makes_one_folder_and_speaks_where_there_is_no_caption(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    root = products(tmp_path / "products", brands=("qzy",))
    ingest(engine, store, root, options=IngestOptions(caption="{defect}"))
    with transaction(engine) as session:
        freeze(session, store, "weipin")
    report = exported(engine, store, tmp_path / "out", repeats=10, class_word="a shirt/top")
    assert report.folders == {"image/10_a shirt_top": 6}
    assert len(report.without_caption) == 2
    for name in report.without_caption:
        text = (tmp_path / "out" / name).with_suffix(".txt").read_text()
        assert text == "a shirt/top\n"


def test_what_is_ingested_again_has_the_same_pictures_and_captions(
    frozen: str, engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    exported(engine, store, tmp_path / "out")
    found = again(engine, store, tmp_path / "out" / "image", "back")
    wanted = sorted((e.image.pixel_sha256, e.caption) for e in entries(engine, "weipin"))
    assert sorted((e.image.pixel_sha256, e.caption) for e in found) == wanted


def test_a_folder_as_ingested_gives_the_same_bytes_tags_and_captions(
    frozen: str, engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    with reading(engine) as session:
        version = find_dataset_version(session, "weipin")
        report = export_folder(session, store, version, tmp_path / "out")
    assert report.images == 13
    facts = [
        (e.source_path, e.image.blob.sha256, e.tag_path, e.caption)
        for e in again(engine, store, tmp_path / "out", "back")
    ]
    assert facts == [
        (e.source_path, e.image.blob.sha256, e.tag_path, e.caption)
        for e in entries(engine, "weipin")
    ]


def test_exporting_again_changes_nothing(
    frozen: str, engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    exported(engine, store, tmp_path / "out")
    cache = tmp_path / "out" / "image" / "1_qzy" / "turned_0048x0032.npz"
    cache.touch()  # as sd-scripts leaves it beside a picture
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("*") if p.is_file()}
    exported(engine, store, tmp_path / "out")
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("*") if p.is_file()} == before


def test_pictures_of_an_earlier_export_are_not_mixed_in(
    frozen: str, engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    exported(engine, store, tmp_path / "out", repeats=1)
    with pytest.raises(Conflict, match="1_lsbr"):
        exported(engine, store, tmp_path / "out", repeats=2)


def test_a_caption_that_was_changed_by_hand_is_not_overwritten(
    frozen: str, engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    exported(engine, store, tmp_path / "out")
    text = tmp_path / "out" / "image" / "1_qzy" / "turned.txt"
    text.write_text("mine")
    with pytest.raises(Conflict, match=r"turned\.txt"):
        exported(engine, store, tmp_path / "out")
    assert text.read_text() == "mine"


def test_progress_is_told_after_each_picture(
    frozen: str, engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    told: list[tuple[int, int, str]] = []

    def tell(done: int, total: int, what: str) -> None:
        told.append((done, total, what))

    exported(engine, store, tmp_path / "out", progress=tell)
    assert told[0] == (1, 13, "writing pictures")
    assert told[-1] == (13, 13, "writing pictures")
