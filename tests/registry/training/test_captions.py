"""What each setting of captions does to what is shown."""

import random
from typing import Any

import pytest

from sdxl_reg.trainers.settings import DataSettings
from sdxl_reg.training.captions import is_left_to_chance, shown_caption

TAGS = "qzy mug, red, chipped, on a table, side light"


def _shown(caption: str = TAGS, *, epoch: int = 1, seed: int = 0, **settings: Any) -> str:
    config = DataSettings.model_validate(settings)
    return shown_caption(caption, config, epoch=epoch, chance=random.Random(seed))


def _all_shown(caption: str = TAGS, **settings: Any) -> list[str]:
    return [_shown(caption, seed=seed, **settings) for seed in range(400)]


def test_without_settings_a_caption_is_shown_as_it_is() -> None:
    assert _shown("  a mug ,red,, ") == "  a mug ,red,, "


def test_only_the_first_line_is_meant() -> None:
    assert _shown("a mug\na note of the photographer") == "a mug"


def test_prefix_and_suffix_stand_around_a_caption_with_a_space() -> None:
    assert _shown("a mug", caption_prefix="photo of", caption_suffix="on white") == (
        "photo of a mug on white"
    )
    assert _shown("", caption_prefix="photo of") == "photo of"


def test_a_share_of_the_captions_is_left_out_prefix_and_all() -> None:
    shown = _all_shown(caption_dropout_rate=0.25, caption_prefix="photo of")
    assert 70 <= shown.count("") <= 130  # 100 of 400, within 3.5 standard deviations of 8.7
    assert set(shown) == {"", f"photo of {TAGS}"}
    assert set(_all_shown(caption_dropout_rate=1)) == {""}


def test_every_so_many_epochs_no_caption_is_shown() -> None:
    shown = [
        _shown("a mug", epoch=epoch, caption_dropout_every_n_epochs=3) for epoch in range(1, 7)
    ]
    assert shown == ["a mug", "a mug", "", "a mug", "a mug", ""]


def test_tags_are_shuffled_and_none_is_lost() -> None:
    shown = _all_shown(shuffle_caption=True)
    assert {tuple(sorted(text.split(", "))) for text in shown} == {tuple(sorted(TAGS.split(", ")))}
    assert len(set(shown)) > 50


def test_tags_are_joined_by_a_comma_and_a_space_whatever_stood_between() -> None:
    shown = _all_shown("red|  blue||", shuffle_caption=True, caption_separator="|")
    assert set(shown) == {"red, blue", "blue, red"}


def test_the_first_tags_stay_in_front_when_they_are_kept() -> None:
    shown = _all_shown(shuffle_caption=True, keep_tokens=2)
    assert all(text.startswith("qzy mug, red, ") for text in shown)
    assert len(set(shown)) == 6, "three tags in any order"


def test_more_tags_kept_than_there_are_changes_nothing() -> None:
    assert set(_all_shown("a, b", shuffle_caption=True, keep_tokens=9)) == {"a, b"}


def test_tags_before_a_mark_stay_in_front_and_those_behind_a_second_at_the_end() -> None:
    settings: dict[str, Any] = {"shuffle_caption": True, "keep_tokens_separator": "|||"}
    shown = _all_shown("qzy, mug ||| red, blue ||| best", **settings)
    assert set(shown) == {"qzy, mug, red, blue, best", "qzy, mug, blue, red, best"}
    assert set(_all_shown("qzy ||| red, blue", **settings)) == {"qzy, red, blue", "qzy, blue, red"}


def test_the_mark_goes_before_the_number_of_kept_tags() -> None:
    settings = {"shuffle_caption": True, "keep_tokens_separator": "|||", "keep_tokens": 2}
    assert "a, c, b" in _all_shown("a ||| b, c", **settings)
    assert set(_all_shown("a, b", **settings)) == {"a, b"}, "without a mark the number counts"


def test_a_mark_counts_only_where_tags_move_as_in_sd_scripts() -> None:
    assert _shown("qzy ||| red, blue", keep_tokens_separator="|||") == "qzy ||| red, blue"


def test_a_share_of_the_tags_is_left_out_and_kept_ones_never_are() -> None:
    shown = _all_shown(caption_tag_dropout_rate=0.5, keep_tokens=1)
    assert all(text.startswith("qzy mug") for text in shown)
    count = sum("chipped" in text for text in shown)
    assert 165 <= count <= 235  # 200 of 400, within 3.5 standard deviations of 10
    order = TAGS.split(", ")
    assert all(text.split(", ") == [tag for tag in order if tag in text] for text in shown)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, False),
        ({"caption_dropout_rate": 0.5}, False),
        ({"shuffle_caption": True}, True),
        ({"caption_tag_dropout_rate": 0.1}, True),
    ],
)
def test_captions_are_left_to_chance_where_tags_move(
    settings: dict[str, Any], expected: bool
) -> None:
    assert is_left_to_chance(DataSettings.model_validate(settings)) == expected
