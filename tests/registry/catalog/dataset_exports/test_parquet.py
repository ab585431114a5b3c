"""Parquet files, read by Hugging Face's `datasets`."""

from pathlib import Path

from sqlalchemy import Engine

from sdxl_reg.store.blobs import BlobStore
from tests.registry.catalog.dataset_exports.conftest import Exporter
from tests.registry.catalog.dataset_exports.exported import entries, files
from tests.registry.catalog.dataset_exports.reading import hugging_face


def test_datasets_reads_splits_pictures_captions_and_levels(
    split: str, engine: Engine, store: BlobStore, export: Exporter, tmp_path: Path
) -> None:
    report = export(split, tmp_path / "out", "parquet")
    assert report.folders == {
        "data/train-00000-of-00001.parquet": 7,
        "data/validation-00000-of-00001.parquet": 6,
    }
    with hugging_face(tmp_path / "cache") as datasets:
        read = datasets.load_dataset(str(tmp_path / "out"))
        assert read["train"].features["image"] == datasets.Image()
        assert read["train"][0]["image"].size == (48, 32)
        raw = {
            name: rows.cast_column("image", datasets.Image(decode=False))
            for name, rows in read.items()
        }
        found = {
            (name, row["source"], row["text"], row["brand"], row["state"], row["defect"])
            for name, rows in raw.items()
            for row in rows
        }
        data = {row["source"]: row["image"]["bytes"] for rows in raw.values() for row in rows}
    wanted = entries(engine, split)
    assert found == {
        (e.split, e.source_path, e.caption, *(*e.tag_path.split("/"), "")[:3]) for e in wanted
    }
    for entry in wanted:
        if not entry.source_path.endswith("turned.jpg"):
            assert data[entry.source_path] == store.read(entry.image.blob.sha256)


def test_a_file_that_would_become_too_long_is_followed_by_another(
    frozen: str, export: Exporter, tmp_path: Path
) -> None:
    sizes = {"resolution": "512", "image_format": "png"}
    report = export(frozen, tmp_path / "out", "parquet", shard_mb=2, **sizes)
    assert len(report.folders) > 1
    assert sum(report.folders.values()) == 13
    found = files(tmp_path / "out")
    assert found.keys() == report.folders.keys()
    assert all(len(data) < 2_200_000 for data in found.values())
    with hugging_face(tmp_path / "cache") as datasets:
        read = datasets.load_dataset(str(tmp_path / "out"), split="train")
        assert len(read) == 13
        assert read[12]["image"].size == (512, 512)
