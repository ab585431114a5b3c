"""Trigger words."""

from pathlib import Path

from sdxl_reg.trainers.interface import TrainingImage
from sdxl_reg.trainers.triggers import trigger_words


def image(tags: str, caption: str) -> TrainingImage:
    return TrainingImage(path=Path("x.jpg"), sha256="0" * 64, caption=caption, tags=tags)


def test_tags_that_captions_name_are_trigger_words_the_most_frequent_first() -> None:
    images = [
        image("qzy/flawed/spot", "a t-shirt, qzy, flawed, spot"),
        image("qzy/flawless", "a t-shirt, qzy, flawless"),
    ]

    assert trigger_words(images) == ["qzy", "flawed", "flawless", "spot"]


def test_a_tag_that_no_caption_names_is_none() -> None:
    assert trigger_words([image("qzy/flawed", "a spotted t-shirt, flawedness")]) == []


def test_a_tag_is_found_in_whatever_case_the_caption_writes_it() -> None:
    assert trigger_words([image("QZY", "a t-shirt, qzy")]) == ["QZY"]
