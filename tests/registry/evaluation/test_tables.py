"""A grid as a table: its columns, numbers as numbers, and nothing that a spreadsheet would run."""

import csv
import io
import json
import sys
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet
import pytest

from sdxl_reg.errors import InvalidValue, UsageError
from sdxl_reg.evaluation.tables import (
    COLUMNS,
    columns_of,
    csv_text,
    json_text,
    parquet_bytes,
    rows_of,
    save_table,
)
from sdxl_reg.evaluation.view import CellState, GridView, Metric, Panel
from tests.registry.evaluation.example_view import example_view, without_picture


@pytest.fixture
def view(tmp_path: Path) -> GridView:
    view = example_view(tmp_path)
    return replace(view, cells=without_picture(view, 3, CellState.FAILED, "out of memory"))


def test_a_row_says_everything_of_its_cell(view: GridView) -> None:
    assert columns_of(view) == [*COLUMNS, "fidelity", "nearest", "steps"]
    row = rows_of(view)[11]
    assert row == {
        "position": 11,
        "x": 1.0,
        "y": "@2",
        "z": None,
        "version": "weipin-lora@2",
        "strength": 1.0,
        "prompt": "a bowl",
        "seed": 7,
        "key": f"{2:064d}",
        "state": "drawn",
        "reason": None,
        "fidelity": pytest.approx(0.31),
        "nearest": pytest.approx(0.7),
        "steps": "20",
    }


def test_rows_are_in_the_order_of_their_positions(view: GridView) -> None:
    shuffled = replace(view, cells=view.cells[::-1])
    assert [row["position"] for row in rows_of(shuffled)] == list(range(12))


def test_a_failed_cell_has_its_reason_and_no_scores(view: GridView) -> None:
    row = rows_of(view)[3]
    assert (row["state"], row["reason"], row["fidelity"]) == ("failed", "out of memory", None)


def test_csv_reads_back(view: GridView) -> None:
    rows = list(csv.DictReader(io.StringIO(csv_text(view), newline="")))
    assert len(rows) == 12
    assert rows[11]["prompt"] == "a bowl"
    assert float(rows[11]["fidelity"]) == pytest.approx(0.31)
    assert rows[3]["fidelity"] == ""


@pytest.mark.parametrize(
    "prompt", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(1)", "\t=1", '=HYPERLINK("x")']
)
def test_csv_text_that_a_spreadsheet_would_run_is_neutralised(view: GridView, prompt: str) -> None:
    view = replace(view, panels=[Panel(prompt=prompt, seed=1), view.panels[1]])
    rows = list(csv.DictReader(io.StringIO(csv_text(view), newline="")))
    assert rows[0]["prompt"] == f"'{prompt}"
    assert rows_of(view)[0]["prompt"] == prompt  # JSON and Parquet keep what was written


def test_csv_keeps_negative_numbers_as_numbers(view: GridView) -> None:
    x = replace(view.x, values=["-1", "-0.5", "0"])
    rows = list(csv.DictReader(io.StringIO(csv_text(replace(view, x=x)), newline="")))
    assert rows[0]["strength"] == "-1.0"
    assert rows[0]["y"] == "'@1"


def test_csv_keeps_commas_quotes_and_line_breaks(view: GridView) -> None:
    prompt = 'a "mug", red\nand blue'
    view = replace(view, panels=[Panel(prompt=prompt, seed=1), view.panels[1]])
    rows = list(csv.DictReader(io.StringIO(csv_text(view), newline="")))
    assert rows[0]["prompt"] == prompt


def test_json_holds_the_same_rows_and_says_what_the_axes_are(view: GridView) -> None:
    document = json.loads(json_text(view))
    assert document["cells"] == rows_of(view)
    assert document["axes"]["x"] == {"field": "strength", "label": "strength"}
    assert document["grid"] == 4


def test_parquet_holds_the_same_rows_with_numbers_as_numbers(view: GridView) -> None:
    table = pyarrow.parquet.read_table(io.BytesIO(parquet_bytes(view)))
    assert table.to_pylist() == rows_of(view)
    assert str(table.schema.field("fidelity").type) == "double"
    assert str(table.schema.field("seed").type) == "int64"


def test_parquet_without_pyarrow_says_what_to_install(
    view: GridView, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UsageError, match=r"sdxl-reg\[parquet\]"):
        parquet_bytes(view)


def test_a_metric_called_like_a_column_gets_a_column_of_its_own(view: GridView) -> None:
    cells = [replace(cell, scores={"seed": 0.5}) for cell in view.cells]
    odd = replace(view, cells=cells, metrics=[Metric(name="seed", summary="odd")])
    assert (rows_of(odd)[0]["seed"], rows_of(odd)[0]["seed score"]) == (7, 0.5)


@pytest.mark.parametrize("suffix", [".csv", ".json", ".parquet", ".CSV"])
def test_the_suffix_names_the_kind(view: GridView, tmp_path: Path, suffix: str) -> None:
    path = save_table(view, tmp_path / "deep" / f"grid{suffix}")
    assert path.stat().st_size > 500
    assert list(path.parent.iterdir()) == [path]


def test_another_suffix_is_refused(view: GridView, tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match=r"\.csv \.json \.parquet"):
        save_table(view, tmp_path / "grid.xlsx")
