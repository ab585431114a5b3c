"""Prompts and references out of a dataset, as users mean them."""

from dataclasses import dataclass

from sdxl_reg.evaluation.references import default_prompts, matching_references, scorer_name


@dataclass(frozen=True)
class Picture:
    caption: str
    tags: str = ""
    sha256: str = "0" * 64


def test_default_prompts_show_what_the_tags_tell_apart() -> None:
    images = [
        Picture(f"{brand}, {state}", f"{brand}/{state.replace(', ', '/')}")
        for brand in ("qzy", "lsbr")
        for state in ("flawless", "flawed, fold", "flawed, spot")
        for _ in range(8)
    ]
    assert default_prompts(images, 3) == (
        "lsbr, flawed, fold",
        "qzy, flawed, spot",
        "lsbr, flawless",
    )
    assert len(default_prompts(images, 99)) == 6


def test_the_more_frequent_caption_comes_first_where_tags_are_equal() -> None:
    images = [Picture("rare", "a"), Picture("often", "a"), Picture("often", "a"), Picture("", "b")]
    assert default_prompts(images, 2) == ("often", "rare")
    assert default_prompts([Picture("  ")]) == ()


def test_references_are_the_pictures_that_the_prompt_asks_for() -> None:
    spot, fold, shoe = Picture("qzy, flawed, spot"), Picture("qzy, flawed, fold"), Picture("shoe")
    images = [spot, fold, shoe]
    assert matching_references("spot, flawed, QZY", images) == [spot]
    assert matching_references("qzy, flawed", images) == [spot, fold]
    assert matching_references("a tree", images) == images
    assert matching_references("a tree", []) == []


def test_a_scorer_is_named_by_what_it_compares_with() -> None:
    one = scorer_name([Picture("a")])
    assert one.startswith("efficientnet-lite0/1:")
    assert one == scorer_name([Picture("a", tags="elsewhere")])
    assert one != scorer_name([Picture("b")])
    assert one != scorer_name([Picture("a", sha256="1" * 64)])
