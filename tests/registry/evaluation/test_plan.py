"""Cells and their keys; strengths, versions, prompts and references as users mean them."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdxl_reg.errors import InvalidValue
from sdxl_reg.evaluation.plan import (
    DEFAULT_STRENGTHS,
    PlannedCell,
    cell_key,
    default_prompts,
    matching_references,
    parse_strengths,
    parse_versions,
    plan_cells,
    scorer_name,
)
from sdxl_reg.jobs.spec import SamplingSpec
from sdxl_reg.vocabulary import Sampler

SAMPLING = SamplingSpec(width=64, height=64)


@dataclass(frozen=True)
class Picture:
    caption: str
    tags: str = ""
    sha256: str = "0" * 64


def _cells(strengths: tuple[float, ...] = (0.0, 0.5, 1.0)) -> list[PlannedCell]:
    return plan_cells(
        base_sha256="b" * 64,
        versions_sha256=["1" * 64, "2" * 64],
        strengths=strengths,
        prompts=["a mug", "a shoe"],
        seeds=[1, 2, 3],
        sampling=SAMPLING,
    )


def _key(**changes: object) -> str:
    facts: dict[str, object] = {
        "base_sha256": "b" * 64,
        "version_sha256": "1" * 64,
        "strength": 0.5,
        "prompt": "a mug",
        "seed": 1,
        "sampling": SAMPLING,
    }
    return cell_key(**(facts | changes))  # type: ignore[arg-type]


def test_a_grid_has_a_cell_for_each_prompt_seed_version_and_strength() -> None:
    cells = _cells()
    assert len(cells) == 2 * 3 * 2 * 3
    places = [(cell.prompt, cell.seed, cell.version, cell.strength) for cell in cells]
    assert len(set(places)) == len(places)
    assert places[:4] == [
        ("a mug", 1, 0, 0.0),
        ("a mug", 1, 0, 0.5),
        ("a mug", 1, 0, 1.0),
        ("a mug", 1, 1, 0.0),
    ]


def test_versions_share_the_base_and_nothing_else() -> None:
    cells = _cells()
    keys = {cell.key for cell in cells}
    assert len(keys) == 2 * 3 * (1 + 2 * 2)
    assert len({cell.key for cell in cells if cell.strength == 0}) == 2 * 3


@pytest.mark.parametrize(
    "change",
    [
        {"base_sha256": "c" * 64},
        {"version_sha256": "2" * 64},
        {"strength": 0.6},
        {"prompt": "a mug "},
        {"seed": 2},
        {"sampling": SAMPLING.model_copy(update={"width": 96})},
        {"sampling": SAMPLING.model_copy(update={"negative_prompt": "text"})},
        {"sampling": SAMPLING.model_copy(update={"sampler": Sampler.DDIM})},
        {"sampling": SAMPLING.model_copy(update={"num_inference_steps": 21})},
        {"sampling": SAMPLING.model_copy(update={"guidance_scale": 5.5})},
    ],
)
def test_whatever_changes_the_pixels_changes_the_key(change: dict[str, object]) -> None:
    assert _key(**change) != _key()


def test_a_key_stays_what_it_was_in_earlier_releases() -> None:
    # A registry of cells is only reused when this does not move; raise KEY_SCHEMA to move it.
    assert _key() == "671199f54cba95f3a7f44e159f5e262659cea0bcf107975e17061d4af0b771a8"


@pytest.mark.parametrize(
    ("text", "strengths"),
    [
        ("0:1:0.1", DEFAULT_STRENGTHS),
        ("0:1:0.25", (0, 0.25, 0.5, 0.75, 1)),
        ("0.5:0.5:1", (0.5,)),
        ("1, 0,0.5,0.5", (0, 0.5, 1)),
        ("-0.5,0", (-0.5, 0)),
        ("0:1:0.3", (0, 0.3, 0.6, 0.9)),
    ],
)
def test_strengths_are_a_range_or_a_list(text: str, strengths: tuple[float, ...]) -> None:
    assert parse_strengths(text) == strengths


@pytest.mark.parametrize(
    "text",
    ["", "a", "0:1", "0:1:0", "1:0:0.1", "0:1:-1", "0:1:0.0001", "nan", "inf", "6", "0:1:nan"],
)
def test_what_is_no_strength_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue, match="strengths"):
        parse_strengths(text)


@given(st.text(max_size=12))
def test_any_text_is_strengths_or_refused(text: str) -> None:
    try:
        strengths = parse_strengths(text)
    except InvalidValue:
        return
    assert list(strengths) == sorted(set(strengths))


def test_versions_are_a_list_with_ranges() -> None:
    assert parse_versions("1,3, 5") == (1, 3, 5)
    assert parse_versions("2:4,3,9") == (2, 3, 4, 9)
    for text in ("", "a", "1-3", "1:", ":2", "1,,2"):
        with pytest.raises(InvalidValue, match="versions"):
            parse_versions(text)


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
