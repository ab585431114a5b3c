"""Names, captions and files of the dataset folder that kohya's trainers read."""

import json
import tomllib

from hypothesis import given
from hypothesis import strategies as st

from sdxl_reg.formats.kohya.folder import (
    caption_line,
    dataset_toml,
    folder_name,
    metadata_json,
    toml_text,
)


def test_a_folder_says_its_repeats_before_the_first_underscore() -> None:
    assert folder_name(10, "a_b shirt") == "10_a_b shirt"
    assert folder_name(1, "?").split("_", 1)[0] == "1"


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


def test_the_metadata_says_of_each_picture_what_it_is_given() -> None:
    said = {"/p/a.png": {"caption": "唯", "image_size": [4, 3]}}
    assert json.loads(metadata_json(said)) == said
