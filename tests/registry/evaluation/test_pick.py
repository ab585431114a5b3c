"""Choosing by scores made by hand."""

import pytest

from sdxl_reg.evaluation.pick import Draw, Place, choose, standard_error

NAMES = {0: "@1", 1: "@2"}
DRAWS: list[Draw] = [("a mug", 1), ("a mug", 2), ("a shoe", 1), ("a shoe", 2)]


def _scores(by_place: dict[Place, list[float]]) -> dict[Place, dict[Draw, float]]:
    return {place: dict(zip(DRAWS, values, strict=False)) for place, values in by_place.items()}


def test_the_highest_mean_is_picked() -> None:
    pick = choose(
        _scores(
            {(0, 0.0): [0.1] * 4, (0, 0.5): [0.4] * 4, (1, 0.5): [0.6] * 4, (1, 1.0): [0.5] * 4}
        ),
        NAMES,
        metric="fidelity",
    )
    assert pick is not None
    assert (pick.version, pick.strength) == (1, 0.5)
    assert pick.score == pytest.approx(0.6)
    assert pick.reason == (
        "highest mean fidelity, 0.600 over 4 pictures; the base alone reaches 0.100"
    )


def test_a_lead_within_the_noise_goes_to_the_lower_strength() -> None:
    pick = choose(
        _scores({(0, 0.5): [0.5, 0.7, 0.5, 0.7], (0, 0.8): [0.7, 0.5, 0.71, 0.52]}),
        NAMES,
        metric="fidelity",
    )
    assert pick is not None
    assert (pick.version, pick.strength) == (0, 0.5)
    assert "within the noise of the highest (0.607, @1 at 0.8)" in pick.reason


def test_a_small_lead_that_every_draw_shows_is_no_noise() -> None:
    lower, higher = [0.2, 0.4, 0.6, 0.8], [0.21, 0.412, 0.609, 0.811]
    pick = choose(_scores({(0, 0.5): lower, (0, 0.8): higher}), NAMES, metric="fidelity")
    assert pick is not None
    assert pick.strength == 0.8


def test_between_equal_versions_the_earlier_one_is_picked() -> None:
    pick = choose(
        _scores({(1, 0.5): [0.5], (0, 0.5): [0.5], (0, 0.6): [0.5]}), NAMES, metric="fidelity"
    )
    assert pick is not None
    assert (pick.version, pick.strength) == (0, 0.5)


def test_the_base_is_never_picked_but_told() -> None:
    pick = choose(
        _scores({(0, 0.0): [0.9], (0, 0.5): [0.5], (0, 1.0): [0.6]}), NAMES, metric="fidelity"
    )
    assert pick is not None
    assert pick.strength == 1.0
    assert pick.reason == (
        "highest mean fidelity, 0.600 over one picture. "
        "But the base alone reaches 0.900: no version comes nearer to the set"
    )


def test_there_is_nothing_to_pick_from_the_base_alone() -> None:
    assert choose(_scores({(0, 0.0): [0.9]}), NAMES, metric="fidelity") is None
    assert choose({}, NAMES, metric="fidelity") is None


def test_a_standard_error_needs_four_numbers() -> None:
    assert standard_error([1.0, 3.0, 5.0]) == 0
    assert standard_error([1.0, 3.0, 1.0, 3.0]) == pytest.approx(3**-0.5)
