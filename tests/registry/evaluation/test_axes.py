"""Axes as users write them: what is listed is what is drawn, and nothing else."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdxl_reg.errors import InvalidValue, UnknownName
from sdxl_reg.evaluation.axes import (
    Axis,
    Fields,
    Value,
    axis_of,
    numbers_in,
    parse_axis,
    parse_strengths,
    select_versions,
    split_values,
)
from sdxl_reg.vocabulary import Sampler, Schedule

TENTHS = tuple(tenth / 10 for tenth in range(11))
KNOWN = Fields(
    versions=[1, 2, 3, 5],
    version=lambda number: Value(label=f"@{number}", changes={"version": f"x@{number}"}),
    base=lambda word: f"{word}@1",
)


def _parsed(text: str) -> Axis:
    return parse_axis(text, KNOWN)


@pytest.mark.parametrize(
    ("text", "field", "labels", "changes"),
    [
        ("strength=0:1:0.5", "strength", ["0", "0.5", "1"], [{"strength": v} for v in (0, 0.5, 1)]),
        ("Strengths = 1", "strength", ["1"], [{"strength": 1}]),
        ("version=latest-2", "version", ["@3", "@5"], [{"version": f"x@{n}"} for n in (3, 5)]),
        ("versions=1,9", "version", ["@1", "@9"], [{"version": f"x@{n}"} for n in (1, 9)]),
        ('prompt="a, b",c', "prompt", ["a, b", "c"], [{"prompt": "a, b"}, {"prompt": "c"}]),
        ("negative=ugly", "negative", ["ugly"], [{"negative_prompt": "ugly"}]),
        ("negative-prompt=ugly", "negative", ["ugly"], [{"negative_prompt": "ugly"}]),
        ("seed=1, 2", "seed", ["1", "2"], [{"seed": 1}, {"seed": 2}]),
        ("seed=1:3:1", "seed", ["1", "2", "3"], [{"seed": n} for n in (1, 2, 3)]),
        ("seed=9007199254740993", "seed", ["9007199254740993"], [{"seed": 2**53 + 1}]),
        ("steps=10,20", "steps", ["10", "20"], [{"num_inference_steps": n} for n in (10, 20)]),
        ("cfg=3,7.5", "cfg", ["3", "7.5"], [{"guidance_scale": n} for n in (3, 7.5)]),
        ("guidance-scale=3", "cfg", ["3"], [{"guidance_scale": 3}]),
        ("rescale=0,0.7", "rescale", ["0", "0.7"], [{"guidance_rescale": n} for n in (0, 0.7)]),
        (
            "sampler=Euler a,DPM++ 2M Karras",
            "sampler",
            ["Euler a", "DPM++ 2M Karras"],
            [
                {"sampler": Sampler.EULER_ANCESTRAL, "schedule": Schedule.AUTOMATIC},
                {"sampler": Sampler.DPMPP_2M, "schedule": Schedule.KARRAS},
            ],
        ),
        ("schedule=karras", "schedule", ["Karras"], [{"schedule": Schedule.KARRAS}]),
        ("clip-skip=1,2", "clip-skip", ["1", "2"], [{"clip_skip": n} for n in (1, 2)]),
        ("size=64x96", "size", ["64x96"], [{"width": 64, "height": 96}]),
        ("denoising=0.3", "denoising", ["0.3"], [{"denoising_strength": 0.3}]),
        ("hires-scale=1.5", "hires-scale", ["1.5"], [{"hires_scale": 1.5}]),
        ("hires-steps=5", "hires-steps", ["5"], [{"hires_steps": 5}]),
        ("hires-denoising=0.4", "hires-denoising", ["0.4"], [{"hires_denoising_strength": 0.4}]),
        ("hires-upscaler=Latent", "hires-upscaler", ["Latent"], [{"hires_upscaler": "Latent"}]),
        ("refiner-switch=0.8", "switch-at", ["0.8"], [{"switch_at": 0.8}]),
        ("checkpoint=micro", "base", ["micro@1"], [{"base": "micro@1"}]),
        (
            "replace:spot=fold,crease",
            "replace:spot",
            ["fold", "crease"],
            [{"replace": ("spot", word)} for word in ("fold", "crease")],
        ),
    ],
)
def test_every_field_takes_the_values_that_are_listed(
    text: str, field: str, labels: list[str], changes: list[dict[str, Any]]
) -> None:
    axis = _parsed(text)
    assert axis.field == field
    assert [value.label for value in axis.values] == labels
    assert [dict(value.changes) for value in axis.values] == changes


@pytest.mark.parametrize(
    "text",
    [
        *("", "steps", "=1", "steps=", "steps= ", "strength=", "strength=a", "strength=NUM"),
        *("strength=6", "strength=nan", "cfg=a", "cfg=nan", "cfg=inf", "steps=1.5", "steps=nan"),
        *("steps=1e30", "seed=1 2", "seed=a", "seed=1,,2", "seed=-1:x", "version=one"),
        *("version=latest-0", "version=5:1", "version=1:1000000", "prompt=a,,b", 'prompt="a'),
        *("size=64", "size=64x", "size=axb", "replace=a", "replace:=a", "replace:a="),
        *("strength=0:1:0.000001", "cfg=0:1000000:1", "seed=" + ",".join(["1"] * 1001)),
    ],
)
def test_what_is_no_axis_is_refused_with_what_to_do(text: str) -> None:
    with pytest.raises((InvalidValue, UnknownName)) as refusal:
        _parsed(text)
    assert refusal.value.remedy


def test_a_field_or_sampler_that_is_not_known_is_told_with_those_that_are() -> None:
    with pytest.raises(UnknownName, match="'strength'"):
        _parsed("strenght=1")
    with pytest.raises(UnknownName, match="'Euler'"):
        _parsed("sampler=Eulr")


def test_the_numbers_of_a_field_are_not_among_its_values() -> None:
    """A1111's plot draws its placeholder as a value of its own."""
    assert [value.label for value in _parsed("strength=0.2,0.4").values] == ["0.2", "0.4"]


def test_an_axis_has_at_least_one_value() -> None:
    with pytest.raises(InvalidValue, match="0 values"):
        axis_of("steps", [])


@pytest.mark.parametrize(
    ("text", "strengths"),
    [
        ("0:1:0.1", TENTHS),
        ("0:1:0.25", (0, 0.25, 0.5, 0.75, 1)),
        ("0.5:0.5:1", (0.5,)),
        ("1, 0,0.5,0.5", (0, 0.5, 1)),
        ("-0.5,0", (-0.5, 0)),
        ("-0,0", (0,)),
        ("0:1:0.3", (0, 0.3, 0.6, 0.9)),
        ("0:0.2:0.1,1", (0, 0.1, 0.2, 1)),
    ],
)
def test_strengths_are_a_range_or_a_list(text: str, strengths: tuple[float, ...]) -> None:
    assert parse_strengths(text) == strengths


@pytest.mark.parametrize(
    "text",
    ["", "a", "0:1", "0:1:0", "1:0:0.1", "0:1:-1", "0:1:0.0001", "nan", "inf", "6", "0:1:nan"],
)
def test_what_is_no_strength_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue, match="list of"):
        parse_strengths(text)


@given(st.text(max_size=12))
def test_any_text_is_strengths_or_refused(text: str) -> None:
    try:
        strengths = parse_strengths(text)
    except InvalidValue:
        return
    assert list(strengths) == sorted(set(strengths))


FIELDS = ("steps", "cfg", "seed", "size", "version", "prompt", "clip-skip", "replace:a", "strength")


@given(st.sampled_from(FIELDS), st.text('0123456789.,:-+ aexnif"\n²٣', max_size=10))
def test_any_text_is_values_of_a_field_or_refused(field: str, text: str) -> None:
    try:
        axis = _parsed(f"{field}={text}")
    except InvalidValue:
        return
    assert axis.values


@given(st.lists(st.integers(-100, 100).map(lambda hundreds: hundreds / 4), min_size=1, unique=True))
def test_numbers_keep_the_order_in_which_they_are_listed(numbers: Sequence[float]) -> None:
    assert numbers_in(",".join(map(str, numbers))) == list(numbers)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("all", [1, 2, 3, 5]),
        ("latest-2", [3, 5]),
        ("latest-9", [1, 2, 3, 5]),
        ("every 2", [2, 5]),
        ("Every 1", [1, 2, 3, 5]),
        ("1,3, 5", [1, 3, 5]),
        ("2:4,3,9", [2, 3, 4, 9]),
    ],
)
def test_versions_are_chosen_by_words_or_numbers(text: str, numbers: list[int]) -> None:
    assert select_versions(text, [1, 2, 3, 5]) == numbers


@pytest.mark.parametrize(
    "text", ["", "a", "1-3", "1:", ":2", "1,,2", "every 0", "latest", "1:2000"]
)
def test_what_names_no_versions_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue, match="versions"):
        select_versions(text, [1, 2])


def test_values_may_have_commas_in_double_quotes() -> None:
    assert split_values(' a b, "c, d",e ') == ["a b", "c, d", "e"]
    assert split_values('"say ""yes"""') == ['say "yes"']
