"""Choosing by scores made by hand."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdxl_reg.errors import InvalidValue
from sdxl_reg.evaluation.criteria import Criteria, Gate
from sdxl_reg.evaluation.pick import Choice, choose
from sdxl_reg.evaluation.places import Draw, Place

DRAWS: list[Draw] = [("a mug", 1), ("a mug", 2), ("a shoe", 1), ("a shoe", 2)]


def _place(version: int, strength: float, values: list[float], settings: str = "") -> Place:
    return Place(
        version=version,
        ref=f"@{version}",
        strength=strength,
        settings=settings,
        scores={"fidelity": dict(zip(DRAWS, values, strict=False))},
    )


def _picked(places: list[Place], choice: Choice) -> tuple[int, float, str]:
    assert choice.pick is not None
    assert choice.pick.reason == choice.reason
    return places[choice.pick.index].key


# Quarters add up without rounding, so that equal stays equal whatever is added to all.
_quarters = st.integers(-8, 8).map(lambda number: number / 4)


@st.composite
def _grids(draw: st.DrawFn) -> list[Place]:
    keys = st.tuples(
        st.integers(1, 3), st.sampled_from([-0.5, 0.0, 0.5, 1.0]), st.sampled_from(["", "s 30"])
    )
    count = draw(st.integers(1, 4))
    return [
        _place(version, strength, draw(st.lists(_quarters, max_size=count)), settings)
        for version, strength, settings in draw(st.lists(keys, unique=True, max_size=8))
    ]


def test_the_highest_mean_is_picked() -> None:
    places = [
        _place(1, 0.0, [0.1] * 4),
        _place(1, 0.5, [0.4] * 4),
        _place(2, 0.5, [0.5, 0.7, 0.5, 0.7]),
        _place(2, 1.0, [0.4, 0.6, 0.4, 0.6]),
    ]
    choice = choose(places)
    assert choice.pick is not None
    assert choice.pick.index == 2
    assert choice.pick.score == pytest.approx(0.6)
    assert choice.pick.draws == 4
    assert choice.pick.standard_error == pytest.approx(0.1 / 3**0.5)
    assert choice.pick.base_score == pytest.approx(0.1)
    low, high = choice.pick.low, choice.pick.high
    assert low is not None
    assert high is not None
    assert low < 0.5 < 0.7 < high  # four draws: wider than the draws themselves
    assert choice.reason == (
        f"highest mean fidelity, 0.600 (90 % interval {low:.3f} to {high:.3f}) over 4 pictures; "
        "the base alone reaches 0.100"
    )


def test_a_lead_within_the_noise_goes_to_the_lower_strength() -> None:
    places = [_place(1, 0.5, [0.5, 0.7, 0.5, 0.7]), _place(1, 0.8, [0.7, 0.5, 0.71, 0.52])]
    choice = choose(places)
    assert _picked(places, choice) == (1, 0.5, "")
    assert "within the noise of the highest (0.607, @1 at 0.8)" in choice.reason


def test_a_small_lead_that_every_draw_shows_is_no_noise() -> None:
    lower, higher = [0.2, 0.4, 0.6, 0.8], [0.21, 0.412, 0.609, 0.811]
    places = [_place(1, 0.5, lower), _place(1, 0.8, higher)]
    assert _picked(places, choose(places)) == (1, 0.8, "")


def test_between_equal_versions_the_earlier_one_is_picked() -> None:
    places = [_place(2, 0.5, [0.5]), _place(1, -0.5, [0.5]), _place(1, 0.6, [0.5])]
    assert _picked(places, choose(places)) == (1, -0.5, "")


def test_three_draws_tell_no_error_so_that_any_lead_counts() -> None:
    places = [_place(1, 0.5, [0.5, 0.7, 0.5]), _place(1, 0.8, [0.7, 0.5, 0.51])]
    choice = choose(places)
    assert _picked(places, choice) == (1, 0.8, "")
    assert choice.pick is not None
    assert (choice.pick.low, choice.pick.high, choice.pick.standard_error) == (None, None, None)
    assert choice.reason == "highest mean fidelity, 0.570 over 3 pictures"


def test_the_base_is_never_picked_but_told() -> None:
    places = [_place(1, 0.0, [0.9]), _place(1, 0.5, [0.5]), _place(1, 1.0, [0.6])]
    choice = choose(places)
    assert _picked(places, choice) == (1, 1.0, "")
    assert choice.reason == (
        "highest mean fidelity, 0.600 over one picture. "
        "But the base alone reaches 0.900: no version beats it"
    )


def test_a_lead_over_the_base_within_the_noise_is_told() -> None:
    places = [_place(1, 0.0, [0.5, 0.7, 0.5, 0.7]), _place(1, 1.0, [0.7, 0.5, 0.71, 0.52])]
    choice = choose(places)
    assert choice.reason.endswith(
        "; the base alone reaches 0.600, which is within the noise of this"
    )


def test_a_base_that_only_the_highest_beats_is_told() -> None:
    places = [
        _place(1, 0.0, [1.0, 1.0, 1.0, 1.0]),
        _place(1, 0.5, [0.9, 0.9, 0.9, 0.9]),
        _place(1, 1.0, [0.6, 1.6, 0.6, 1.6]),
    ]
    choice = choose(places)
    assert _picked(places, choice) == (1, 0.5, "")
    assert choice.reason.endswith("; the base alone reaches more, 1.000")


@pytest.mark.parametrize(("settings", "other"), [("s 10", "s 30"), ("s 30", "s 10")])
def test_a_place_is_compared_with_the_base_of_its_own_settings(settings: str, other: str) -> None:
    places = [
        _place(1, 0.0, [0.3], settings),
        _place(1, 0.0, [0.9], other),
        _place(1, 1.0, [0.85], settings),
        _place(1, 1.0, [0.8], other),
    ]
    choice = choose(places)
    assert _picked(places, choice) == (1, 1.0, settings)
    assert choice.reason.endswith("; the base alone reaches 0.300")


def test_there_is_nothing_to_pick_from_the_base_alone() -> None:
    for places in ([_place(1, 0.0, [0.9])], []):
        choice = choose(places)
        assert choice.pick is None
        assert choice.rejected == ()
        assert choice.reason.startswith("there is nothing to pick from")


def _with(place: Place, **values: float) -> Place:
    scores = {metric: dict.fromkeys(DRAWS, value) for metric, value in values.items()}
    return Place(
        version=place.version,
        ref=place.ref,
        strength=place.strength,
        scores={**place.scores, **scores},
    )


def test_a_place_that_fails_a_gate_is_out_whatever_its_score() -> None:
    places = [
        _with(_place(1, 0.0, [0.1] * 4), memorised=1.0),
        _with(_place(1, 0.5, [0.4] * 4), memorised=0.0),
        _with(_place(2, 0.5, [0.8] * 4), memorised=0.3),
        _with(_place(3, 0.5, [0.9] * 4), memorised=0.9),
    ]
    choice = choose(places, Criteria(gates=[Gate(metric="memorised", maximum=0.1)]))
    assert _picked(places, choice) == (1, 0.5, "")
    assert [out.index for out in choice.rejected] == [2, 3]
    assert choice.reason.endswith(
        ". Out beforehand: @2 at 0.5: memorised is not at most 0.1 in 4 of 4 pictures (worst 0.3) "
        "and one other place"
    )


def test_when_every_place_fails_there_is_a_reason_and_no_pick() -> None:
    places = [_with(_place(number, 1.0, [0.4] * 4), health=0.2) for number in (1, 2, 3)]
    choice = choose(places, Criteria(gates=[Gate(metric="health", minimum=0.5)]))
    assert choice.pick is None
    assert len(choice.rejected) == 3
    why = "health is not at least 0.5 in 4 of 4 pictures (worst 0.2)"
    assert choice.reason == (
        f"every place is out: @1 at 1: {why}; @2 at 1: {why}; and one other place"
    )


def test_a_place_without_a_score_is_out_with_the_reason() -> None:
    choice = choose([_place(1, 1.0, [])])
    assert choice.pick is None
    assert choice.reason == "every place is out: @1 at 1: no picture has a value of fidelity"


def test_a_negative_weight_turns_a_lead_around() -> None:
    places = [
        _with(_place(1, 0.5, [0.8] * 4), nearest=0.9),
        _with(_place(1, 1.0, [0.7] * 4), nearest=0.3),
    ]
    assert _picked(places, choose(places)) == (1, 0.5, "")
    choice = choose(places, Criteria(weights={"fidelity": 1.0, "nearest": -0.5}))
    assert _picked(places, choice) == (1, 1.0, "")
    assert choice.pick is not None
    assert choice.pick.score == pytest.approx(0.55)
    assert choice.reason.startswith("highest mean fidelity - 0.5 nearest, 0.550")


def test_places_are_compared_on_the_draws_that_all_have() -> None:
    places = [_place(1, 1.0, [0.5, 0.5, 0.5, 0.9]), _place(2, 1.0, [0.6, 0.6, 0.6])]
    choice = choose(places)
    assert _picked(places, choice) == (2, 1.0, "")
    assert choice.pick is not None
    assert choice.pick.draws == 3
    assert choice.rejected == ()


def test_a_place_with_too_few_draws_is_out_with_the_reason() -> None:
    places = [_place(1, 1.0, [0.5] * 4), _place(2, 1.0, [0.9])]
    choice = choose(places)
    assert _picked(places, choice) == (1, 1.0, "")
    (out,) = choice.rejected
    assert (out.index, out.why) == (
        1,
        "too few of its draws have a score to compare it (1 of 4)",
    )


def test_a_place_that_is_there_twice_is_refused() -> None:
    with pytest.raises(InvalidValue, match="@1 at 1"):
        choose([_place(1, 1.0, [0.5]), _place(1, 1.0, [0.5])])


@given(_grids(), st.randoms(use_true_random=False))
def test_the_order_of_places_does_not_matter(places: list[Place], random: Random) -> None:
    shuffled = list(places)
    random.shuffle(shuffled)
    one, other = choose(places), choose(shuffled)
    assert one.reason == other.reason
    assert (one.pick is None) == (other.pick is None)
    if one.pick is not None and other.pick is not None:
        assert places[one.pick.index] == shuffled[other.pick.index]
        assert (one.pick.low, one.pick.high) == (other.pick.low, other.pick.high)


@given(_grids(), st.integers(-64, 64))
def test_adding_a_constant_to_every_score_does_not_change_the_pick(
    places: list[Place], constant: int
) -> None:
    moved = [
        _place(
            place.version,
            place.strength,
            [value + constant for value in place.scores["fidelity"].values()],
            place.settings,
        )
        for place in places
    ]
    one, other = choose(places), choose(moved)
    assert (one.pick and one.pick.index) == (other.pick and other.pick.index)


@given(_grids())
def test_what_is_picked_is_no_base_and_lies_in_its_interval(places: list[Place]) -> None:
    pick = choose(places).pick
    if pick is None:
        assert all(place.is_base or not place.scores["fidelity"] for place in places)
        return
    assert places[pick.index].strength != 0
    if pick.low is not None and pick.high is not None:
        assert pick.low <= pick.score <= pick.high


@given(
    st.lists(st.tuples(_quarters, st.integers(0, 8)), min_size=1, max_size=4),
    st.sampled_from([0.01, 0.5]),
)
def test_a_place_worse_in_every_draw_by_a_margin_is_never_picked(
    draws: list[tuple[float, int]], margin: float
) -> None:
    better = _place(9, 2.0, [value for value, _ in draws])
    worse = _place(1, 0.1, [value - margin - lag / 4 for value, lag in draws])
    assert _picked([worse, better], choose([worse, better])) == better.key
