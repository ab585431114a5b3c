"""What a view of a grid knows of itself, and what it refuses."""

from pathlib import Path

import pytest

from sdxl_reg.errors import InvalidValue, UnknownName
from sdxl_reg.evaluation.view import Axis, Metric, Panel
from sdxl_reg.vocabulary import Better
from tests.registry.evaluation.example_view import cells, example_view


def test_a_cell_is_found_by_its_place(tmp_path: Path) -> None:
    view = example_view(tmp_path)
    found = view.cell((2, 1, 0, 1))
    assert found is not None
    assert found.position == 11
    assert view.cell((2, 2, 0, 0)) is None
    assert view.shape == (3, 2, 1, 2)


@pytest.mark.parametrize(
    ("field", "values", "numbers"),
    [
        ("strength", ["0", "0.5", "-1"], (0.0, 0.5, -1.0)),
        ("version", ["@1", "@2"], None),
        ("seed", ["1", "2"], None),
        ("steps", ["10", "nan"], None),
        ("cfg", ["1", "many"], None),
    ],
)
def test_values_are_numbers_only_where_their_distances_mean_something(
    field: str, values: list[str], numbers: tuple[float, ...] | None
) -> None:
    assert Axis(field=field, label=field, values=values).numbers == numbers


def test_a_field_is_told_by_the_facts_then_an_axis_then_the_panel(tmp_path: Path) -> None:
    view = example_view(tmp_path)
    cell = view.cells[-1]
    assert view.value(cell, "version") == "weipin-lora@2"
    assert view.value(cell, "strength") == "1"
    assert view.value(cell, "prompt") == "a bowl"
    assert view.value(cell, "seed") == "7"
    assert view.value(cell, "sampler") == ""


def test_a_panel_whose_seed_an_axis_sets_names_none() -> None:
    assert Panel(prompt="a mug", seed=None).label == "a mug"


def test_the_better_end_of_a_metric_is_its_best() -> None:
    assert Metric(name="m", summary="", better=Better.LOWER).best([2.0, 1.0, 3.0]) == 1.0
    assert Metric(name="m", summary="").best([2.0, 1.0, 3.0]) == 3.0
    assert Metric(name="m", summary="").best([]) is None


def test_a_metric_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    view = example_view(tmp_path)
    assert view.metric("nearest") == view.metrics[1]
    assert view.metric() == view.metrics[0]
    assert example_view(tmp_path, metrics=[]).metric() is None
    with pytest.raises(UnknownName, match="fidelity"):
        view.metric("fidelty")


def test_cells_that_share_a_place_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match="share a place"):
        example_view(tmp_path, cells=cells(tmp_path, (1, 1, 1, 1)) * 2)


def test_a_cell_outside_the_axes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match="outside the axes"):
        example_view(tmp_path, cells=cells(tmp_path, (4, 1, 1, 1)))


@pytest.mark.parametrize(("values", "notes"), [([], []), (["1"], [["a"], ["b"]])])
def test_an_axis_without_values_or_with_other_notes_is_refused(
    tmp_path: Path, values: list[str], notes: list[list[str]]
) -> None:
    axis = Axis(field="steps", label="steps", values=values, notes=notes)
    with pytest.raises(InvalidValue, match="not an axis: steps"):
        example_view(tmp_path, x=axis, cells=[])
