"""WebDataset shards, read by `webdataset`."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from sdxl_reg.catalog.datasets import entries_of, find_dataset_version
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import transaction
from tests.registry.catalog.dataset_exports.conftest import Exporter
from tests.registry.catalog.dataset_exports.exported import entries, files

# webdataset leaves it to the garbage collector to close the files it has read.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def read(paths: list[Path], decode: str | None = "pil") -> list[dict[str, Any]]:
    """The samples of shards, as `webdataset` gives them to a training."""
    import webdataset

    urls = [f"file:{path}" for path in paths]
    samples = webdataset.WebDataset(urls, shardshuffle=False, empty_check=False)
    return list(samples.decode(decode) if decode else samples)


def test_webdataset_reads_pictures_captions_and_levels(
    split: str, engine: Engine, store: BlobStore, export: Exporter, tmp_path: Path
) -> None:
    report = export(split, tmp_path / "out", "webdataset")
    assert report.folders == {"train-000000.tar": 7, "validation-000000.tar": 6}
    samples = [s for name in report.folders for s in read([tmp_path / "out" / name])]
    levels = ("brand", "state", "defect")
    assert {
        (s["json"]["source"], s["txt"], *(s["json"][level] for level in levels)) for s in samples
    } == {
        (e.source_path, e.caption, *(*e.tag_path.split("/"), "")[:3])
        for e in entries(engine, split)
    }
    assert next(s for s in samples if s["txt"] == "up")["png"].size == (32, 48)
    raw = {s["__key__"]: s for s in read([tmp_path / "out" / "validation-000000.tar"], None)}
    digest = next(e for e in entries(engine, split)).image.blob.sha256
    assert raw["lsbr-flawed-fold-xxx1"]["jpg"] == store.read(digest)


def test_a_shard_that_would_become_too_long_is_followed_by_another(
    frozen: str, export: Exporter, tmp_path: Path
) -> None:
    options = {"resolution": "512", "image_format": "png", "shard_mb": 2, "names": "tags"}
    report = export(frozen, tmp_path / "out", "webdataset", **options)
    assert len(report.folders) > 1
    found = files(tmp_path / "out")
    assert all(len(data) <= 2_000_000 for data in found.values())
    keys = [s["__key__"] for s in read([tmp_path / "out" / name for name in sorted(found)], None)]
    assert len(keys) == 13
    assert keys == sorted(keys)


def test_a_name_with_dots_stays_one_sample(
    frozen: str, engine: Engine, export: Exporter, tmp_path: Path
) -> None:
    with transaction(engine) as session:
        first, second, *_ = entries_of(session, find_dataset_version(session, frozen))
        first.source_path = first.source_path.replace("xxx1.jpg", "唯 1.2.final.jpg")
        second.source_path = second.source_path.replace("xxx2.jpg", "唯 1_2.final.jpg")
    export(frozen, tmp_path / "out", "webdataset")
    keys = [s["__key__"] for s in read([tmp_path / "out" / "train-000000.tar"])]
    assert keys[:2] == ["唯 1_2_final", "唯 1_2_final-2"]
    assert len(keys) == 13
