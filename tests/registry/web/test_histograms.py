"""Histograms: bars that hold every value, and say where thresholds lie."""

import itertools

from sdxl_reg.web.histograms import histogram, logarithmic


def test_nothing_has_no_histogram() -> None:
    assert histogram("brightness", {}) is None


def test_every_value_lies_in_a_bar() -> None:
    found = histogram("brightness", {0: 1, 100: 5, 255: 2}, most=255)
    assert found is not None
    assert [bar.label.rpartition(": ")[2] for bar in found.bars] == ["1", "5", "2"]
    assert max(bar.height for bar in found.bars) == found.bars[1].height
    assert all(found.left <= bar.x <= bar.x + bar.width <= found.right for bar in found.bars)


def test_what_is_beyond_a_threshold_is_marked() -> None:
    found = histogram("brightness", {3: 1, 100: 1, 250: 1}, below=24, above=235, most=255)
    assert found is not None
    assert [bar.is_beyond for bar in found.bars] == [True, False, True]
    assert [mark.label for mark in found.marks] == ["24", "235"]


def test_values_of_many_sizes_are_set_apart_by_their_logarithm() -> None:
    found = histogram("sharpness", {5: 1, 50: 1, 500: 1, 5000: 1}, scale=logarithmic)
    assert found is not None
    places = [bar.x for bar in found.bars]
    gaps = [right - left for left, right in itertools.pairwise(places)]
    assert max(gaps) < 1.5 * min(gaps)
    assert [tick.label for tick in found.x_ticks] == ["0", "10", "100", "1000"]


def test_it_is_told_in_words() -> None:
    found = histogram("tokens", {7: 3, 9: 1})
    assert found is not None
    assert found.summary == "tokens of 4 pictures: from 7 to 9, half of them up to 7"
