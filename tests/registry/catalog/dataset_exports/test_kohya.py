"""The folder for kohya's trainers, read as sd-scripts reads it."""

import json
import tomllib
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import Engine

from sdxl_reg.catalog.datasets import freeze
from sdxl_reg.catalog.ingest import IngestOptions, ingest
from sdxl_reg.errors import Conflict
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import transaction
from tests.registry.catalog.dataset_exports.conftest import Exporter
from tests.registry.catalog.pictures import products

# The keys of DreamBooth datasets in sd-scripts 48d368f, library/config_util.py, that we write.
DATASET_KEYS = {"resolution", "batch_size", "enable_bucket", "bucket_no_upscale"} | {
    *("min_bucket_reso", "max_bucket_reso", "bucket_reso_steps", "subsets")
}
SUBSET_KEYS = {"image_dir", "num_repeats", "class_tokens"}
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")


def read_subset(subset: dict[str, str], extension: str) -> dict[str, str]:
    """Picture → caption, as `load_dreambooth_dir` and `read_caption` of sd-scripts read them."""
    found = {}
    for path in sorted(Path(subset["image_dir"]).iterdir()):
        if path.suffix in PICTURES:
            text = path.with_suffix(extension)
            lines = text.read_text("utf-8").splitlines(keepends=True) if text.is_file() else []
            found[path.name] = lines[0].strip() if lines else subset["class_tokens"]
            assert found[path.name]
    return found


def read_fine_tuning(metadata: Path) -> dict[str, str]:
    """Picture → caption, as `FineTuningDataset` of sd-scripts reads its metadata."""
    found = {}
    for key, document in json.loads(metadata.read_text("utf-8")).items():
        with Image.open(key) as picture:
            assert list(picture.size) == document["image_size"]
        tags = document.get("tags")
        found[Path(key).name] = document["caption"] + (f", {tags}" if tags else "")
    return found


def test_the_folder_is_as_kohyas_trainers_read_it(
    frozen: str, export: Exporter, tmp_path: Path
) -> None:
    report = export(frozen, tmp_path / "out", "kohya")
    assert report.folders == {"image/1_lsbr": 6, "image/1_qzy": 7}
    assert (report.images, report.converted, report.without_caption) == (13, 1, ())
    folder = tmp_path / "out" / "image" / "1_qzy"
    pictures = {path for path in folder.iterdir() if path.suffix in (".jpg", ".png")}
    assert {path.with_suffix(".txt") for path in pictures} == set(folder.glob("*.txt"))
    assert (folder / "turned.txt").read_bytes() == b"up"
    assert (folder / "qzy-flawed-spot-xxx1.txt").read_text() == "qzy, flawed, spot"
    with Image.open(folder / "turned.png") as upright:
        assert upright.size == (32, 48)
    assert all((tmp_path / "out" / name).is_dir() for name in ("model", "log"))


def test_the_dataset_file_has_only_keys_that_sd_scripts_knows(
    frozen: str, export: Exporter, tmp_path: Path
) -> None:
    export(frozen, tmp_path / "out", "kohya", repeats=5)
    document = tomllib.loads((tmp_path / "out" / "dataset.toml").read_text())
    assert document["general"] == {"caption_extension": ".txt"}
    (dataset,) = document["datasets"]
    assert dataset.keys() == DATASET_KEYS
    assert [subset["num_repeats"] for subset in dataset["subsets"]] == [5, 5]
    for subset in dataset["subsets"]:
        assert subset.keys() == SUBSET_KEYS
        assert Path(subset["image_dir"]).name == f"5_{subset['class_tokens']}"


def test_text_files_and_metadata_say_the_same_of_every_picture(
    frozen: str, export: Exporter, tmp_path: Path
) -> None:
    export(frozen, tmp_path / "out", "kohya", caption_suffix=", black background")
    document = tomllib.loads((tmp_path / "out" / "dataset.toml").read_text())
    found: dict[str, str] = {}
    for subset in document["datasets"][0]["subsets"]:
        found |= read_subset(subset, document["general"]["caption_extension"])
    assert found["turned.png"] == "up, black background"
    assert found == read_fine_tuning(tmp_path / "out" / "meta_cap.json")
    assert len(found) == 13


def test_a_class_word_makes_one_folder_and_speaks_where_there_is_no_caption(
    engine: Engine, store: BlobStore, export: Exporter, tmp_path: Path
) -> None:
    root = products(tmp_path / "products", brands=("qzy",))
    ingest(engine, store, root, options=IngestOptions(caption="{defect}"))
    with transaction(engine) as session:
        freeze(session, store, "weipin")
    report = export("weipin", tmp_path / "out", "kohya", repeats=10, class_word="a shirt/top")
    assert report.folders == {"image/10_a shirt_top": 6}
    assert len(report.without_caption) == 2
    for name in report.without_caption:
        text = (tmp_path / "out" / name).with_suffix(".txt").read_text()
        assert text == "a shirt/top"


def test_pictures_for_validation_are_not_trained(
    split: str, export: Exporter, tmp_path: Path
) -> None:
    report = export(split, tmp_path / "out", "kohya")
    assert (report.folders, report.left_out) == ({"image/1_qzy": 7}, 6)


def test_pictures_of_an_earlier_export_are_not_mixed_in(
    frozen: str, export: Exporter, tmp_path: Path
) -> None:
    export(frozen, tmp_path / "out", "kohya", repeats=1)
    with pytest.raises(Conflict, match="1_lsbr"):
        export(frozen, tmp_path / "out", "kohya", repeats=2)


def test_caches_that_trainers_leave_beside_pictures_are_left_alone(
    frozen: str, export: Exporter, tmp_path: Path
) -> None:
    export(frozen, tmp_path / "out", "kohya")
    cache = tmp_path / "out" / "image" / "1_qzy" / "turned_0048x0032.npz"
    cache.touch()
    export(frozen, tmp_path / "out", "kohya")
    assert cache.exists()
