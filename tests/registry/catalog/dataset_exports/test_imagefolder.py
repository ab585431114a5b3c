"""Imagefolders, read by Hugging Face's `datasets`."""

from pathlib import Path

from sqlalchemy import Engine

from sdxl_reg.catalog.datasets import entries_of, find_dataset_version
from sdxl_reg.store.database import transaction
from tests.registry.catalog.dataset_exports.conftest import Exporter
from tests.registry.catalog.dataset_exports.exported import entries
from tests.registry.catalog.dataset_exports.reading import hugging_face


def test_datasets_reads_the_splits_with_every_level_as_a_column(
    split: str, engine: Engine, export: Exporter, tmp_path: Path
) -> None:
    export(split, tmp_path / "out", "imagefolder")
    with hugging_face(tmp_path / "cache") as datasets:
        read = datasets.load_dataset("imagefolder", data_dir=str(tmp_path / "out"))
        found = {
            (name, row["source"], row["text"], row["brand"], row["state"], row["defect"])
            for name, rows in read.items()
            for row in rows
        }
        assert read["train"].features["image"] == datasets.Image()
        turned = next(row for row in read["train"] if row["text"] == "up")
        assert turned["image"].size == (32, 48)
    assert found == {
        (e.split, e.source_path, e.caption, *(*e.tag_path.split("/"), "")[:3])
        for e in entries(engine, split)
    }


def test_a_tag_called_test_does_not_become_a_split(
    frozen: str, engine: Engine, export: Exporter, tmp_path: Path
) -> None:
    with transaction(engine) as session:
        for entry in entries_of(session, find_dataset_version(session, frozen)):
            entry.source_path = entry.source_path.replace("lsbr/", "test/")
            entry.tag_path = entry.tag_path.replace("lsbr/", "test/")
    for names in ("source", "tags"):
        export(frozen, tmp_path / names, "imagefolder", names=names)
        with hugging_face(tmp_path / "cache") as datasets:
            read = datasets.load_dataset("imagefolder", data_dir=str(tmp_path / names))
            assert {name: len(rows) for name, rows in read.items()} == {"train": 13}


def test_a_level_that_no_picture_has_is_an_empty_text(
    frozen: str, engine: Engine, export: Exporter, tmp_path: Path
) -> None:
    with transaction(engine) as session:
        for entry in entries_of(session, find_dataset_version(session, frozen)):
            has_defect = entry.tag_path.count("/") == 2
            entry.split = "validation" if has_defect else "train"
            entry.more_tags = ["gift/red", "x"] if has_defect else None
    export(frozen, tmp_path / "out", "imagefolder")
    with hugging_face(tmp_path / "cache") as datasets:
        read = datasets.load_dataset("imagefolder", data_dir=str(tmp_path / "out"))
        assert set(read["train"]["defect"]) == {""}
        assert read["train"].features == read["validation"].features
        assert set(read["validation"]["more_tags"]) == {"gift/red\nx"}
