"""Splits of a dataset: no near-duplicate on both sides, and no picture that changes sides."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdxl_reg.catalog.splits import TRAIN, VALIDATION, Unit, held_out_selected, held_out_share
from sdxl_reg.errors import Conflict

TAGS = ("qzy/flawless", "qzy/flawed/spot", "lsbr/flawless")


def _units(sizes: list[list[int]]) -> list[Unit]:
    """Units by how many pictures of each tag they have."""
    units, row = [], 0
    for number, counts in enumerate(sizes):
        strata = {tag: count for tag, count in zip(TAGS, counts, strict=True) if count}
        total = sum(counts)
        units.append(
            Unit(key=f"{number:064x}", members=tuple(range(row, row + total)), strata=strata)
        )
        row += total
    return units


SIZES = st.lists(
    st.lists(st.integers(0, 4), min_size=3, max_size=3).filter(any), min_size=2, max_size=30
)


def _again(units: list[Unit], held: frozenset[int]) -> list[Unit]:
    """The units as the next freeze sees them."""
    return [
        Unit(
            key=unit.key,
            members=unit.members,
            strata=unit.strata,
            was=VALIDATION if held.issuperset(unit.members) else TRAIN,
        )
        for unit in units
    ]


@given(SIZES, st.floats(0.01, 0.6))
def test_a_unit_is_never_split_and_both_sides_have_pictures(
    sizes: list[list[int]], share: float
) -> None:
    units = _units(sizes)
    held = held_out_share(units, share)
    assert all(held.isdisjoint(unit.members) or held.issuperset(unit.members) for unit in units)
    assert 0 < len(held) < sum(len(unit.members) for unit in units)


@given(SIZES, st.floats(0.01, 0.6), st.lists(st.integers(0, 2), max_size=10))
def test_pictures_added_later_move_no_old_one(
    sizes: list[list[int]], share: float, later: list[int]
) -> None:
    units = _units(sizes)
    held = held_out_share(units, share)
    more = _units([*sizes, *([int(tag == at) for at in range(3)] for tag in later)])[len(units) :]
    after = held_out_share([*_again(units, held), *more], share)
    old = {member for unit in units for member in unit.members}
    assert after & old == held


def test_every_tag_gives_its_share() -> None:
    units = _units([[int(tag == at) for at in range(3)] for tag in range(3) for _ in range(40)])
    held = held_out_share(units, 0.1)
    tags = Counter(tag for unit in units if held.issuperset(unit.members) for tag in unit.strata)
    assert tags == dict.fromkeys(TAGS, 4)


def test_the_order_in_which_units_come_makes_no_difference() -> None:
    units = _units([[1, 0, 0]] * 30)
    assert held_out_share(units, 0.2) == held_out_share(units[::-1], 0.2)


def test_units_of_both_sides_that_new_pictures_tie_together_are_trained() -> None:
    units = _again(_units([[1, 0, 0]] * 10), frozenset({0}))
    tied = Unit(key="f" * 64, members=(0, 1, 10), strata={TAGS[0]: 3}, was=TRAIN)
    held = held_out_share([tied, *units[2:], *_units([[1, 0, 0]] * 12)[11:]], 0.1)
    assert held.isdisjoint(tied.members)


def test_what_leaves_nothing_to_train_or_to_hold_out_is_refused() -> None:
    with pytest.raises(Conflict, match="near-duplicate"):
        held_out_share(_units([[9, 0, 0]]), 0.1)
    with pytest.raises(Conflict, match="none trained"):
        held_out_selected(_units([[2, 0, 0], [1, 0, 0]]), frozenset({0, 2}))


def test_a_selection_takes_whole_units() -> None:
    assert held_out_selected(_units([[3, 0, 0], [2, 0, 0]]), frozenset({1})) == {0, 1, 2}
