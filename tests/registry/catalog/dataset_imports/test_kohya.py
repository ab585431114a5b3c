"""Importing what people made for kohya's trainers."""

import json
from pathlib import Path

import pytest
from sqlalchemy import Engine

from sdxl_reg.errors import Corrupt
from sdxl_reg.store.blobs import BlobStore
from tests.registry.catalog.dataset_imports.importing import (
    imported,
    levels,
    pictures,
    refusals,
)
from tests.registry.catalog.pictures import jpeg, write


def test_folders_of_repeats_come_in_with_their_words_as_tags(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    files = {
        "img/10_qzy shirt/1.jpg": jpeg(1),
        "img/10_qzy shirt/1.txt": b"a shirt",
        "img/10_qzy shirt/2.jpg": jpeg(2),
        "img/2_lsbr/1.jpg": jpeg(3),
        "img/notes/1.jpg": jpeg(4),
        "model/x.jpg": jpeg(5),
    }
    report = imported(engine, store, write(tmp_path / "set", files))
    assert (report.form, report.pictures) == ("kohya", 3)
    assert pictures(engine) == {
        "qzy shirt/1.jpg": ("qzy shirt", "a shirt"),
        "qzy shirt/2.jpg": ("qzy shirt", "qzy shirt"),
        "lsbr/1.jpg": ("lsbr", "lsbr"),
    }
    assert levels(engine) == "class"


def test_a_dataset_toml_says_where_pictures_and_captions_are(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    toml = f"""
    [[datasets]]
    resolution = 1024
      [[datasets.subsets]]
      image_dir = "{tmp_path}/far/a"
      class_tokens = "shirt"
      caption_extension = ".cap"
      [[datasets.subsets]]
      image_dir = "was/elsewhere/b"
      [[datasets.subsets]]
      image_dir = "reg"
      is_reg = true
      [[datasets.subsets]]
      image_dir = "gone"
    """
    files = {
        **{"far/a/1.jpg": jpeg(1), "far/a/1.cap": b"one", "far/a/1.txt": b"not this"},
        **{"set/b/2.jpg": jpeg(2), "set/b/2.caption": b"two"},
        **{"set/reg/3.jpg": jpeg(3), "set/any.toml": toml.encode()},
    }
    write(tmp_path, files)
    report = imported(engine, store, tmp_path / "set" / "any.toml")
    assert pictures(engine) == {"shirt/1.jpg": ("shirt", "one"), "2.jpg": ("", "two")}
    assert {Path(path).name: code for path, code in refusals(report).items()} == {
        "reg": "unsupported-type",
        "gone": "vanished",
    }


def test_metadata_gives_captions_and_tags_as_sd_scripts_joins_them(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    metadata = {
        "/was/here/a/1.jpg": {"caption": "a cat", "tags": "red, large"},
        "2.jpg": {"tags": "blue"},
        "../../secret.jpg": {"caption": "no"},
    }
    files = {"set/a/1.jpg": jpeg(1), "set/2.jpg": jpeg(2), "secret.jpg": jpeg(3)}
    write(tmp_path, files | {"set/meta_lat.json": json.dumps(metadata).encode()})
    report = imported(engine, store, tmp_path / "set" / "meta_lat.json")
    assert report.form == "kohya"
    assert pictures(engine) == {"1.jpg": ("", "a cat, red, large"), "2.jpg": ("", "blue")}
    assert refusals(report) == {"../../secret.jpg": "vanished"}


def test_a_text_file_that_was_edited_after_the_export_counts(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    row = {"caption": "old", "sdxl_reg": {"text": "old", "brand": "qzy", "tags": "qzy"}}
    row["sdxl_reg"] |= {"more_tags": "", "source": "qzy/7.jpg", "sha256": "ab"}  # type: ignore[operator]
    metadata = json.dumps({"/gone/image/1_qzy/7.jpg": row}).encode()
    toml = (
        b'[[datasets]]\n[[datasets.subsets]]\nimage_dir = "image/1_qzy"\ncaption_extension = ".txt"'
    )
    files = {"image/1_qzy/7.jpg": jpeg(1), "image/1_qzy/7.txt": b"new"}
    write(tmp_path / "set", files | {"meta_cap.json": metadata, "dataset.toml": toml})
    imported(engine, store, tmp_path / "set")
    assert pictures(engine) == {"qzy/7.jpg": ("qzy", "new")}


def test_a_toml_that_cannot_be_read_is_an_error(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    write(tmp_path / "set", {"dataset.toml": b"[[datasets]\n"})
    with pytest.raises(Corrupt, match="dataset configuration"):
        imported(engine, store, tmp_path / "set")
