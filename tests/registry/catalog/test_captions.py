"""Captions out of templates, and the history of a member's captions."""

import pytest

from sdxl_reg.catalog.captions import (
    caption_from_tags,
    check_template,
    composed_template,
    filled,
    places_of,
)
from sdxl_reg.errors import InvalidValue, UnknownName

SPOT = {"brand": "qzy", "state": "flawed", "defect": "spot"}
FLAWLESS = {"brand": "qzy", "state": "flawless"}


def caption(template: str, tags: dict[str, str] = SPOT) -> str:
    return caption_from_tags(template, tags=tags, image_set="weipin", name="xxx1")


@pytest.mark.parametrize(
    "template",
    [
        "{brand}, {state}, {defect}, black background",
        "{brand}, {state}, {defect?}, black background",
        composed_template("{tags}", suffix="black background"),
        composed_template("{tags}", suffix=" black  background, "),
    ],
)
def test_the_two_scripts_are_one_template(template: str) -> None:
    assert caption(template) == "qzy, flawed, spot, black background"
    assert caption(template, FLAWLESS) == "qzy, flawless, black background"


def test_a_template_names_the_set_the_file_and_a_level() -> None:
    assert caption("{set} {name} of { brand }") == "weipin xxx1 of qzy"


def test_a_place_that_stays_empty_takes_its_comma_along() -> None:
    assert caption("{defect}, {level5}, on black", FLAWLESS) == "on black"
    assert caption("{trigger}, {tags}") == "qzy, flawed, spot"


def test_a_comma_in_a_folder_name_does_not_split_the_caption() -> None:
    assert caption("{tags}", {"brand": "a, b", "state": "好，坏"}) == "a b, 好 坏"


def test_the_trigger_word_stands_first_or_at_its_place() -> None:
    assert caption(composed_template("{tags}", trigger="wpn", prefix="photo")) == (
        "wpn, photo, qzy, flawed, spot"
    )
    assert caption(composed_template("a {trigger} shirt, {state}", trigger="wpn")) == (
        "a wpn shirt, flawed"
    )


def test_words_are_said_in_others_or_not_at_all() -> None:
    template = composed_template("{tags}", words={"flawless": "", "Spot": "white spot"})
    assert template == "{tags|flawless=|Spot=white spot}"
    assert caption(template) == "qzy, flawed, white spot"
    assert caption(template, FLAWLESS) == "qzy"
    assert check_template(template, ["brand"]) == template


def test_parts_can_be_separated_by_something_else() -> None:
    values = {"brand": ["qzy"], "defect": ["spot", "fold"]}
    assert filled("{brand}, {state}, {defect}", values, separator=" | ") == "qzy | spot | fold"


def test_a_caption_is_taken_into_a_template_with_its_commas() -> None:
    text = filled("{trigger}, {caption}, on black", {"trigger": ["wpn"]}, caption="a shirt, white")
    assert text == "wpn, a shirt, white, on black"


def test_a_template_is_checked_before_it_is_used() -> None:
    levels = ["brand", "state"]
    with pytest.raises(UnknownName, match="Did you mean 'brand'"):
        check_template("{brnad}", levels)
    with pytest.raises(UnknownName, match="'caption'"):
        check_template("{caption}", levels)
    assert check_template("{caption}", levels, also=["caption"])
    with pytest.raises(InvalidValue, match="no partner"):
        check_template("{brand}, {", levels)
    with pytest.raises(InvalidValue, match=r"Write \{tags\|flawless="):
        check_template("{brand|qzy}", levels)


@pytest.mark.parametrize("word", ["a{b", "a|b", "a=b"])
def test_words_hold_no_signs_of_templates(word: str) -> None:
    with pytest.raises(InvalidValue, match="sign of templates"):
        composed_template("{tags}", words={word: "x"})


def test_the_places_of_a_template_are_known() -> None:
    assert places_of("{brand}, { defect? } x {tags|a=b}") == {"brand", "defect", "tags"}
