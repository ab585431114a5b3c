"""A grid as a table for other programs: one row a cell, as CSV, JSON or Parquet.

Text in a CSV file that a spreadsheet would take for a formula gets an apostrophe in front.
"""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from sdxl_reg.errors import InvalidValue, UsageError
from sdxl_reg.evaluation.view import Cell, GridView
from sdxl_reg.evaluation.whole_files import whole_file

Value = str | int | float | None

COLUMNS = (
    "position",
    "x",
    "y",
    "z",
    "version",
    "strength",
    "prompt",
    "seed",
    "key",
    "state",
    "reason",
)
"""What every table has, in this order; after it a column a metric, then one a further fact."""

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def columns_of(view: GridView) -> list[str]:
    """The names of the columns; a metric that is called like another column ends in ` score`."""
    facts = dict.fromkeys(name for cell in view.cells for name in cell.facts)
    metrics = list(_metric_columns(view))
    return [*COLUMNS, *metrics, *(name for name in facts if name not in {*COLUMNS, *metrics})]


def rows_of(view: GridView) -> list[dict[str, Value]]:
    """A row a cell, by position; None where there is nothing to say.

    Returns:
        Column → value: numbers where the values of a column are numbers, else text.
    """
    cells = sorted(view.cells, key=lambda cell: cell.position)
    names = columns_of(view)
    rows = [_row(view, cell, names) for cell in cells]
    for name in ("x", "y", "z", "strength", "seed"):
        _as_numbers(rows, name)
    return rows


def csv_text(view: GridView) -> str:
    """The table as CSV (RFC 4180), with a line of names."""
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, columns_of(view))
    writer.writeheader()
    for row in rows_of(view):
        writer.writerow({name: _harmless(value) for name, value in row.items()})
    return stream.getvalue()


def json_text(view: GridView) -> str:
    """The table as one JSON object: the grid, what its axes are, its cells."""
    axes = dict(zip("xyz", view.axes, strict=False))
    document = {
        "grid": view.number,
        "artifact": view.artifact,
        "title": view.title,
        "facts": list(view.facts),
        "axes": {name: {"field": axis.field, "label": axis.label} for name, axis in axes.items()},
        "verdict": view.verdict,
        "cells": rows_of(view),
    }
    return json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def parquet_bytes(view: GridView) -> bytes:
    """The table as a Parquet file; needs the extra `parquet`.

    Raises:
        UsageError: pyarrow is not installed.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        remedy = "Run: pip install 'sdxl-reg[parquet]', or export CSV or JSON"
        raise UsageError("Parquet needs pyarrow, which is not installed", remedy=remedy) from None
    rows = rows_of(view)
    columns = {name: [row[name] for row in rows] for name in columns_of(view)}
    stream = io.BytesIO()
    parquet.write_table(pyarrow.table(columns), stream)
    return stream.getvalue()


def save_table(view: GridView, path: Path) -> Path:
    """Write the table; the file appears whole or not at all.

    Args:
        view: What is exported.
        path: Ends in .csv, .json or .parquet; its folder is made.

    Raises:
        InvalidValue: The suffix is none of these.
        UsageError: Parquet is asked for without pyarrow.
    """
    write = _WRITERS.get(path.suffix.lower())
    if write is None:
        remedy = f"Use one of: {' '.join(_WRITERS)}"
        raise InvalidValue("not a kind of table", path.suffix or path.name, remedy=remedy)
    data = write(view)
    with whole_file(path) as partial:
        partial.write_bytes(data)
    return path


_WRITERS: Mapping[str, Callable[[GridView], bytes]] = {
    ".csv": lambda view: csv_text(view).encode(),
    ".json": lambda view: json_text(view).encode(),
    ".parquet": parquet_bytes,
}


def _row(view: GridView, cell: Cell, names: Sequence[str]) -> dict[str, Value]:
    axes = dict(zip("xyz", view.axes, strict=False))
    row: dict[str, Value] = {name: view.value(cell, name) or None for name in names}
    for name, at in zip("xyz", cell.place, strict=False):
        row[name] = axes[name].values[at] if name in axes else None
    row |= {"position": cell.position, "key": cell.key}
    row |= {"state": str(cell.state), "reason": cell.reason or None}
    for column, metric in _metric_columns(view).items():
        row[column] = cell.scores.get(metric)
    return row


def _metric_columns(view: GridView) -> dict[str, str]:
    """Column → metric."""
    taken = {*COLUMNS}
    names = [metric.name for metric in view.metrics]
    return {f"{name} score" if name in taken else name: name for name in names}


def _as_numbers(rows: Sequence[dict[str, Value]], name: str) -> None:
    """Turn a column into numbers where each of its values is one."""
    texts = [row[name] for row in rows]
    kind = int if name == "seed" else float
    try:
        numbers = [None if text is None else kind(str(text)) for text in texts]
    except ValueError:
        return
    for row, number in zip(rows, numbers, strict=True):
        row[name] = number


def _harmless(value: Value) -> Value:
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS):
        return f"'{value}"
    return value
