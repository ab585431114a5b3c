"""Names, captions and files of the dataset folder that kohya's trainers read."""

import json
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdxl_reg.formats.kohya.folder import (
    LONGEST_NAME_BYTES,
    caption_line,
    dataset_toml,
    folder_name,
    metadata_json,
    safe_name,
    toml_text,
    unique_stems,
)

_names = st.text(max_size=40)


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("weipin", "weipin"),
        ("唯品", "唯品"),
        ("a/b\\c:d", "a_b_c_d"),
        ('what? "no" <x>|*', "what_ _no_ _x_"),
        (" .hidden. ", "hidden"),
        ("...", "x"),
        ("", "x"),
    ],
)
def test_names_are_kept_but_for_what_some_file_system_refuses(name: str, safe: str) -> None:
    assert safe_name(name, default="x") == safe


@given(st.text(max_size=400))
def test_a_safe_name_is_never_empty_nor_too_long(name: str) -> None:
    safe = safe_name(name, default="x")
    assert 0 < len(safe.encode()) <= LONGEST_NAME_BYTES
    assert safe_name(safe, default="x") == safe


def test_a_folder_says_its_repeats_before_the_first_underscore() -> None:
    assert folder_name(10, "a_b shirt") == "10_a_b shirt"
    assert folder_name(1, "?").split("_", 1)[0] == "1"


def test_stems_are_kept_where_they_are_unique() -> None:
    assert unique_stems([("one", "t-one"), ("two", "t-two")]) == ["one", "two"]


def test_of_equal_stems_none_is_kept() -> None:
    found = unique_stems([("x1", "qzy-x1"), ("X1", "lsbr-X1"), ("x2", "qzy-x2")])
    assert found == ["qzy-x1", "lsbr-X1", "x2"]


@given(st.lists(st.tuples(_names, _names), max_size=12))
def test_stems_are_always_unique_in_upper_and_lower_case(names: list[tuple[str, str]]) -> None:
    stems = [stem.casefold() for stem in unique_stems(names)]
    assert len(set(stems)) == len(names)


def test_a_caption_is_one_line_and_never_empty() -> None:
    assert caption_line(" a red mug \r\n\n on black\n", default="mug") == "a red mug on black"
    assert caption_line(" \n", default="mug") == "mug"


def test_the_dataset_file_is_toml_with_its_subsets() -> None:
    subset = {"image_dir": '/p/"1"/唯', "num_repeats": 3, "class_tokens": "a\\b\x7f\n"}
    text = dataset_toml([subset, subset], {"resolution": [512, 512], "enable_bucket": True})
    assert tomllib.loads(text) == {
        "general": {"caption_extension": ".txt"},
        "datasets": [
            {"resolution": [512, 512], "enable_bucket": True, "subsets": [subset, subset]}
        ],
    }


@given(st.dictionaries(st.from_regex(r"[a-z_]{1,9}", fullmatch=True), st.text()))
def test_any_text_survives_toml(values: dict[str, str]) -> None:
    assert tomllib.loads(toml_text(values)) == values


def test_the_metadata_names_the_caption_of_each_picture() -> None:
    assert json.loads(metadata_json({"/p/a.png": "唯"})) == {"/p/a.png": {"caption": "唯"}}
