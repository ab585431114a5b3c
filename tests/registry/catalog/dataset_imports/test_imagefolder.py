"""Importing imagefolders that others wrote."""

import json
from pathlib import Path

from sqlalchemy import Engine

from sdxl_reg.store.blobs import BlobStore
from tests.registry.catalog.dataset_imports.importing import (
    imported,
    levels,
    pictures,
    refusals,
)
from tests.registry.catalog.pictures import jpeg, write


def lines(*rows: object) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def test_captions_and_columns_of_others_are_read(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    rows = lines(
        {"file_name": "0.jpg", "text": "a cat", "brand": "qzy", "state": "flawed"},
        {"file_name": "sub/1.jpg", "caption": ["first", "second"], "brand": "qzy", "state": None},
        {"file_name": "2.jpg", "text": "plain"},
    )
    files = {f"train/{name}.jpg": jpeg(n) for n, name in enumerate(("0", "sub/1", "2", "3"))}
    write(tmp_path / "set", files | {"train/metadata.jsonl": rows})
    report = imported(engine, store, tmp_path / "set")
    assert (report.pictures, report.problems) == (4, ())
    assert pictures(engine) == {
        "qzy/flawed/0.jpg": ("qzy/flawed", "a cat"),
        "qzy/1.jpg": ("qzy", "first"),
        "2.jpg": ("", "plain"),
        "3.jpg": ("", ""),
    }
    assert levels(engine) == "brand/state"


def test_levels_can_be_any_columns(engine: Engine, store: BlobStore, tmp_path: Path) -> None:
    rows = b"file_name,text,maker,colour\n0.jpg,a cat,acme,red\n1.jpg,,acme,..\n"
    write(tmp_path / "set", {"0.jpg": jpeg(0), "1.jpg": jpeg(1), "metadata.csv": rows})
    imported(engine, store, tmp_path / "set", levels="maker,colour")
    assert pictures(engine) == {
        "acme/red/0.jpg": ("acme/red", "a cat"),
        "acme/_.._/1.jpg": ("acme/_.._", "acme, _.._"),
    }
    assert levels(engine) == "maker/colour"


def test_rows_that_lead_out_or_nowhere_are_refused(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    write(tmp_path, {"secret.jpg": jpeg(5), "set/0.jpg": jpeg(0)})
    (tmp_path / "set" / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    rows = lines(
        {"file_name": "../secret.jpg"},
        {"file_name": str(tmp_path / "secret.jpg")},
        {"file_name": "link.jpg"},
        {"file_name": "gone.jpg"},
        {"file_name": "0.jpg", "text": "kept"},
        ["no object"],
    )
    write(tmp_path / "set", {"metadata.jsonl": rows + b"{broken\n"})
    report = imported(engine, store, tmp_path / "set")
    assert refusals(report) == {
        "../secret.jpg": "link-outside",
        str(tmp_path / "secret.jpg"): "link-outside",
        "link.jpg": "link-outside",
        "gone.jpg": "vanished",
        str(tmp_path / "set" / "metadata.jsonl"): "caption-refused",
    }
    assert pictures(engine) == {"0.jpg": ("", "kept")}
