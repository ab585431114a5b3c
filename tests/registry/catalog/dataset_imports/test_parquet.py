"""Importing Parquet files that `datasets` wrote."""

from pathlib import Path

from sqlalchemy import Engine

from sdxl_reg.store.blobs import BlobStore
from tests.registry.catalog.dataset_exports.reading import hugging_face
from tests.registry.catalog.dataset_imports.importing import imported, pictures, refusals
from tests.registry.catalog.pictures import jpeg


def test_a_set_with_labels_comes_in_with_their_names(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    with hugging_face(tmp_path / "cache") as datasets:
        features = datasets.Features(
            {
                "img": datasets.Image(),
                "label": datasets.ClassLabel(names=["flawless", "flawed"]),
                "caption": datasets.Value("string"),
            }
        )
        rows = {
            "img": [{"bytes": jpeg(n), "path": f"x/{n}.jpg"} for n in range(3)],
            "label": [0, 1, 1],
            "caption": ["a", "b", None],
        }
        made = datasets.Dataset.from_dict(rows, features=features)
        made.to_parquet(str(tmp_path / "train.parquet"))
    report = imported(engine, store, tmp_path / "train.parquet")
    assert (report.form, report.pictures, report.problems) == ("parquet", 3, ())
    assert pictures(engine) == {
        "flawless/0.jpg": ("flawless", "a"),
        "flawed/1.jpg": ("flawed", "b"),
        "flawed/2.jpg": ("flawed", "flawed"),
    }


def test_rows_without_bytes_and_damaged_files_are_told(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    with hugging_face(tmp_path / "cache") as datasets:
        features = datasets.Features({"image": datasets.Image()})
        rows = [{"bytes": jpeg(1), "path": None}, {"bytes": None, "path": "/etc/passwd"}, None]
        made = datasets.Dataset.from_dict({"image": rows}, features=features)
        made.to_parquet(str(tmp_path / "set" / "a.parquet"))
    (tmp_path / "set" / "b.parquet").write_bytes(b"PAR1 and nothing else")
    report = imported(engine, store, tmp_path / "set")
    assert refusals(report) == {
        "a.parquet, row 1": "vanished",
        "a.parquet, row 2": "unsupported-type",
        "b.parquet": "corrupt",
    }
    assert len(pictures(engine)) == 1
