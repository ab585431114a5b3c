"""Where datasets for kohya's trainers lie."""

from pathlib import Path

import pytest

from sdxl_reg.errors import Corrupt
from sdxl_reg.formats.kohya.subsets import (
    Subset,
    read_metadata,
    relocated,
    subsets_of_folder,
    subsets_of_toml,
)


def test_settings_come_from_general_dataset_and_subset(tmp_path: Path) -> None:
    path = tmp_path / "d.toml"
    path.write_text(
        """
        [general]
        caption_extension = ".txt"
        [[datasets]]
        class_tokens = "shirt"
          [[datasets.subsets]]
          image_dir = "/gone/a"
          [[datasets.subsets]]
          image_dir = "b"
          class_tokens = "mug"
          caption_extension = ".cap"
          is_reg = true
          [[datasets.subsets]]
          metadata_file = "meta.json"
        """
    )
    assert subsets_of_toml(path) == [
        Subset(folder=Path("/gone/a"), class_word="shirt"),
        Subset(
            folder=tmp_path / "b", class_word="mug", caption_suffix=".cap", is_regularisation=True
        ),
        Subset(folder=None, class_word="shirt", metadata=tmp_path / "meta.json"),
    ]


def test_captions_of_a_toml_are_called_caption_unless_it_says_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    path.write_text('{"datasets": [{"subsets": [{"image_dir": "a"}]}]}')
    assert subsets_of_toml(path)[0].caption_suffix == ".caption"


def test_a_folder_that_was_moved_with_its_file_is_found(tmp_path: Path) -> None:
    (tmp_path / "image" / "1_a").mkdir(parents=True)
    assert relocated(Path("/old/set/image/1_a"), tmp_path) == tmp_path / "image" / "1_a"
    assert relocated(tmp_path / "image", Path("/nowhere")) == tmp_path / "image"
    assert relocated(Path("/old/x"), tmp_path) == Path("/old/x")


def test_folders_without_repeats_are_none(tmp_path: Path) -> None:
    for name in ("10_a shirt", "3_b", "a_b", "7", "_x"):
        (tmp_path / "image" / name).mkdir(parents=True)
    found = subsets_of_folder(tmp_path)
    assert [(s.folder and s.folder.name, s.class_word) for s in found] == [
        ("10_a shirt", "a shirt"),
        ("3_b", "b"),
    ]
    assert subsets_of_folder(tmp_path / "image" / "7") == []


def test_metadata_is_json_or_json_lines(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"x.jpg": {"caption": "a"}, "y": 3}')
    (tmp_path / "a.jsonl").write_text('{"image_path": "x.jpg", "caption": "a"}\n\n')
    assert read_metadata(tmp_path / "a.json") == {"x.jpg": {"caption": "a"}}
    assert read_metadata(tmp_path / "a.jsonl")["x.jpg"]["caption"] == "a"
    (tmp_path / "b.json").write_text("[1]")
    with pytest.raises(Corrupt, match="metadata"):
        read_metadata(tmp_path / "b.json")
