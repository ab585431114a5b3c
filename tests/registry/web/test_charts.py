"""Curves of numbers."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdxl_reg.web.charts import HEIGHT, WIDTH, chart_of, smoothed, thinned

VALUES = st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=1, max_size=900)


@given(VALUES)
def test_every_point_lies_inside_the_drawing(values: list[float]) -> None:
    chart = chart_of("loss", list(enumerate(values, start=1)))
    assert chart is not None
    for x, y in re.findall(r"(-?[\d.]+),(-?[\d.]+)", f"{chart.line} {chart.smooth}"):
        assert 0 <= float(x) <= WIDTH
        assert 0 <= float(y) <= HEIGHT
    assert all(0 <= tick.at <= WIDTH for tick in chart.x_ticks)
    assert all(0 <= tick.at <= HEIGHT for tick in chart.y_ticks)


def test_marks_of_the_axes_are_round_numbers() -> None:
    chart = chart_of("loss", [(step, 0.05 + 0.2 / step) for step in range(1, 31)])
    assert chart is not None
    assert [tick.label for tick in chart.y_ticks] == ["0.05", "0.1", "0.15", "0.2", "0.25"]
    assert [tick.label for tick in chart.x_ticks] == ["10", "20", "30"]


def test_numbers_that_are_none_are_left_out() -> None:
    assert chart_of("loss", [(1, float("nan")), (2, float("inf"))]) is None
    assert chart_of("loss", []) is None
    chart = chart_of("loss", [(1, float("nan")), (2, 0.5), (3, 0.25)])
    assert chart is not None
    assert len(chart.line.split()) == 2


def test_a_long_curve_is_thinned_by_means() -> None:
    points = [(step, float(step % 2)) for step in range(1, 1001)]
    shown = thinned(points, 100)
    assert len(shown) == 100
    assert {value for _, value in shown} == {0.5}
    assert shown[-1][0] == 1000


def test_a_smoothed_constant_is_that_constant_from_the_beginning() -> None:
    # weight**n cancels exactly up to rounding: 1e-12 of 3.
    for _, value in smoothed([(step, 3.0) for step in range(1, 50)]):
        assert value == pytest.approx(3.0, rel=1e-12)


def test_the_curve_is_told_in_words_too() -> None:
    chart = chart_of("loss", [(1, 0.5), (9, 0.25)])
    assert chart is not None
    assert chart.summary == "loss: 2 values from step 1 to 9, 0.5 at first, 0.25 at last"
