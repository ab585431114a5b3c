"""Curves of scores: their means, and bands that leave out what a panel does to all places."""

from dataclasses import replace
from math import sqrt
from pathlib import Path
from statistics import stdev

import pytest

from sdxl_reg.evaluation.score_bands import Band, Curves, curves_of, within_error
from sdxl_reg.evaluation.view import Axis, Panel
from tests.registry.evaluation.example_view import cells, example_view


def _curves(folder: Path, panels: int, **changes: object) -> Curves:
    view = example_view(
        folder,
        panels=[Panel(prompt="a mug", seed=seed) for seed in range(panels)],
        cells=[
            replace(cell, scores={"fidelity": 0.1 * cell.x + cell.panel})
            for cell in cells(folder, (3, 2, 1, panels))
        ],
        **changes,
    )
    metric = view.metric()
    assert metric is not None
    return curves_of(view, metric=metric)


@pytest.mark.parametrize(
    ("panels", "band"),
    [(1, Band.NONE), (2, Band.RANGE), (3, Band.RANGE), (4, Band.STANDARD_ERROR)],
)
def test_what_a_band_shows_depends_on_how_many_pictures_there_are(
    tmp_path: Path, panels: int, band: Band
) -> None:
    found = _curves(tmp_path, panels)
    assert found.band is band
    assert str(panels) in found.band_summary or panels == 1


def test_a_point_is_the_mean_over_the_panels(tmp_path: Path) -> None:
    points = _curves(tmp_path, 3).curves[1].points
    assert [point.mean for point in points] == pytest.approx([1.0, 1.1, 1.2])
    assert [(point.low, point.high) for point in points[:1]] == [(0.0, 2.0)]
    assert {point.count for point in points} == {3}


def test_panels_that_only_differ_in_level_leave_no_error(tmp_path: Path) -> None:
    for point in _curves(tmp_path, 5).curves[0].points:
        assert point.high - point.low == pytest.approx(0, abs=1e-9)


def test_the_error_of_two_places_is_that_of_their_paired_difference() -> None:
    """With two places, Morey's correction makes it half the paired t-test's denominator."""
    one, other = [0.1, 0.5, 0.2, 0.9, 0.4], [0.3, 0.6, 0.1, 0.7, 0.8]
    values = {(0, 0): dict(enumerate(one)), (1, 0): dict(enumerate(other))}
    paired = stdev(a - b for a, b in zip(one, other, strict=True)) / sqrt(5)
    assert within_error(values, (0, 0)) == pytest.approx(paired / sqrt(2))


def test_curves_run_along_numbers_in_their_order(tmp_path: Path) -> None:
    x = Axis(field="strength", label="strength", values=["1", "0", "0.5"])
    assert [point.at for point in _curves(tmp_path, 1, x=x).curves[0].points] == [1, 2, 0]


def test_curves_run_along_y_where_only_y_is_made_of_numbers(tmp_path: Path) -> None:
    x = Axis(field="version", label="version", values=["@1", "@2", "@3"])
    y = Axis(field="cfg", label="guidance", values=["3", "7"])
    found = _curves(tmp_path, 1, x=x, y=y)
    assert found.is_swapped
    assert [curve.name for curve in found.curves] == ["@1", "@2", "@3"]
    assert [point.mean for point in found.curves[2].points] == pytest.approx([0.2, 0.2])


def test_a_page_has_its_own_scores(tmp_path: Path) -> None:
    view = example_view(
        tmp_path,
        z=Axis(field="cfg", label="guidance", values=["3", "7"]),
        cells=[
            replace(cell, scores={"fidelity": float(cell.z)})
            for cell in cells(tmp_path, (3, 2, 2, 2))
        ],
    )
    found = curves_of(view, metric=view.metrics[0], z=1)
    assert {point.mean for curve in found.curves for point in curve.points} == {1.0}
