"""Long lists of keys: in portions, and of few lengths."""

from hypothesis import given
from hypothesis import strategies as st

from sdxl_reg.catalog.portions import PORTION, portions, steady


@given(st.lists(st.integers(), max_size=1200))
def test_portions_are_the_values_in_order(values: list[int]) -> None:
    parts = list(portions(values))
    assert [value for part in parts for value in part] == values
    assert all(1 <= len(part) <= PORTION for part in parts)


@given(st.lists(st.integers(), min_size=1, max_size=PORTION))
def test_a_steady_list_holds_the_same_values_and_has_one_of_ten_lengths(values: list[int]) -> None:
    found = steady(values)
    assert found[: len(values)] == values
    assert set(found) == set(values)
    assert len(found) in {1 << power for power in range(10)}


def test_a_list_of_nothing_stays_empty() -> None:
    assert steady([]) == []
