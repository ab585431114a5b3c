"""A small grid to look at: three strengths by two versions, each in two panels."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from PIL import Image

from sdxl_reg.evaluation.view import Axis, Cell, CellState, GridView, Metric, Panel, Picked

SIZE = (64, 64)
COLOURS = ("#ff0000", "#008000", "#0000ff")
REFERENCE = "#00c0c0"


def picture(folder: Path, colour: str, size: tuple[int, int] = SIZE) -> Path:
    """A picture of one colour."""
    path = folder / f"{colour.strip('#')}-{size[0]}x{size[1]}.png"
    if not path.exists():
        Image.new("RGB", size, colour).save(path)
    return path


def example_view(folder: Path, **changes: object) -> GridView:
    """A view whose columns are red, green and blue, with `changes` to its attributes."""
    prompts = ("a mug", "a bowl")
    panels = [
        Panel(prompt=prompt, seed=7, references=[picture(folder, REFERENCE)]) for prompt in prompts
    ]
    facts: dict[str, object] = {
        "title": "weipin-lora",
        "number": 4,
        "artifact": "weipin-lora",
        "facts": ["base micro@1", "20 steps"],
        "x": Axis(field="strength", label="strength", values=["0", "0.5", "1"]),
        "y": Axis(
            field="version", label="version", values=["@1", "@2"], notes=[["epoch 1"], ["epoch 2"]]
        ),
        "panels": panels,
        "cells": cells(folder, (3, 2, 1, 2)),
        "metrics": [
            Metric(name="fidelity", summary="likeness to the set"),
            Metric(name="nearest", summary="likeness to one picture"),
        ],
        "size": SIZE,
        "pick": Picked(x=2, y=1, ref="weipin-lora@2", strength=1.0, reason="it is the best"),
        "verdict": "Pick: weipin-lora@2 at 1",
    }
    return GridView(**(facts | changes))  # type: ignore[arg-type]


def cells(folder: Path, shape: tuple[int, int, int, int]) -> list[Cell]:
    """A drawn cell for every place."""
    columns, rows, pages, panels = shape
    found: list[Cell] = []
    for z in range(pages):
        for panel in range(panels):
            for y in range(rows):
                for x in range(columns):
                    found.append(
                        Cell(
                            x=x,
                            y=y,
                            z=z,
                            panel=panel,
                            position=len(found),
                            key=f"{x % 3:064d}",
                            state=CellState.DRAWN,
                            picture=picture(folder, COLOURS[x % 3]),
                            scores={"fidelity": 0.1 + 0.1 * x + 0.01 * y, "nearest": 0.9 - 0.1 * x},
                            facts={"version": f"weipin-lora@{y + 1}", "steps": "20"},
                        )
                    )
    return found


def without_picture(
    view: GridView, position: int, state: CellState, reason: str = ""
) -> Sequence[Cell]:
    """The view's cells, one of them missing or failed."""
    return [
        replace(cell, state=state, reason=reason, picture=None, scores={})
        if cell.position == position
        else cell
        for cell in view.cells
    ]
