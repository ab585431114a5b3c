"""Places, what they are called, and which can be compared."""

import pytest

from sdxl_reg.errors import InvalidValue
from sdxl_reg.evaluation.places import Draw, Place, check_distinct, comparable_draws

DRAWS: list[Draw] = [(f"prompt {number}", 1) for number in range(8)]


def _place(version: int = 1, strength: float = 0.5, settings: str = "") -> Place:
    return Place(
        version=version, ref=f"x@{version}", strength=strength, settings=settings, scores={}
    )


def test_a_place_is_called_by_its_version_strength_and_settings() -> None:
    assert _place(3, 0.8).label == "x@3 at 0.8"
    assert _place(3, 1.0, "steps 30").label == "x@3 at 1, steps 30"


def test_a_negative_strength_is_as_modest_as_its_opposite() -> None:
    assert _place(1, -0.5).modesty == _place(1, 0.5).modesty < _place(2, 0.5).modesty
    assert _place(9, 0.5).modesty < _place(1, 0.6).modesty


def test_only_strength_0_is_the_base() -> None:
    assert _place(strength=0.0).is_base
    assert _place(strength=-0.0).is_base
    assert not _place(strength=0.1).is_base


def test_a_place_that_is_there_twice_is_named() -> None:
    check_distinct([_place(), _place(strength=-0.5), _place(2), _place(settings="steps 30")])
    with pytest.raises(InvalidValue, match=r"there twice: x@1 at 0\.5"):
        check_distinct([_place(), _place(2), _place()])


def test_places_are_compared_on_the_draws_that_all_have() -> None:
    rows = [frozenset(DRAWS[:5]), frozenset(DRAWS[2:]), frozenset(DRAWS)]
    left_out, draws = comparable_draws([rows[0], rows[1], rows[2]])
    assert (left_out, draws) == (1, DRAWS[2:])  # three of eight would be too few
    assert comparable_draws([frozenset(DRAWS[:7]), *rows[1:]]) == (0, DRAWS[2:7])


def test_places_without_common_draws_leave_the_fullest_alone() -> None:
    assert comparable_draws([frozenset(DRAWS[:4]), frozenset(DRAWS[4:])]) == (1, DRAWS[4:])
    assert comparable_draws([frozenset(DRAWS[:1])]) == (0, DRAWS[:1])
    assert comparable_draws([]) == (0, [])
