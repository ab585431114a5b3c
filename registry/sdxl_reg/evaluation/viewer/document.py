"""What the viewer's script is given: a view as one JSON document, pictures by their URLs."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sdxl_reg.evaluation.plots import score_plot
from sdxl_reg.evaluation.view import Axis, Cell, GridView

FORMAT = 1
"""Raised when a script of an older release could not read the document."""

PictureUrl = Callable[[Cell], str | None]
"""From a drawn cell to where a browser finds its picture; None where it cannot."""


def view_document(
    view: GridView,
    picture_url: PictureUrl,
    *,
    preview_url: PictureUrl | None = None,
    reference_url: Callable[[Path], str | None] | None = None,
    live_url: str = "",
) -> dict[str, Any]:
    """A view for the viewer's script.

    Args:
        view: What is shown.
        picture_url: Where the picture of a cell is: a path, an address or a data URI.
        preview_url: Where a smaller one is, for the grid; the picture itself by default.
        reference_url: Where a picture of the set is; none are shown by default.
        live_url: Where this document is renewed while the grid is being drawn; empty when done.

    Returns:
        Values that JSON knows; each distinct URL stands once.
    """
    axes = document_axes(view)
    urls: dict[str, int] = {}
    return {
        "format": FORMAT,
        "title": view.title,
        "number": view.number,
        "artifact": view.artifact,
        "facts": list(view.facts),
        "verdict": view.verdict,
        "size": list(view.size),
        "axes": [_axis_item(name, axis) for name, axis in axes.items()],
        "panels": [
            {
                "prompt": panel.prompt,
                "seed": panel.seed,
                "references": _known(panel.references, reference_url, urls),
            }
            for panel in view.panels
        ],
        "metrics": [
            {"name": metric.name, "summary": metric.summary, "better": str(metric.better)}
            for metric in view.metrics
        ],
        "pick": _pick(view),
        "cells": [
            {
                **_cell_item(cell),
                "at": _coordinates(view, cell, axes),
                "picture": _url_number(picture_url, cell, urls),
                "preview": _url_number(preview_url, cell, urls),
            }
            for cell in view.cells
        ],
        "plots": [
            {"metric": metric.name, "z": z, "svg": score_plot(view, metric=metric.name, z=z)}
            for metric in view.metrics
            for z in range(view.shape[2])
        ],
        "pictures": list(urls),
        "live": live_url,
    }


def document_axes(view: GridView) -> Mapping[str, Axis]:
    """The directions in which people move: x, y, z, and prompt and seed where they vary.

    Prompts by seeds are two axes when every prompt has every seed, else their pairs are one.
    """
    axes = dict(zip("xyz", view.axes, strict=False))
    prompts = list(dict.fromkeys(panel.prompt for panel in view.panels))
    seeds = list(dict.fromkeys(str(panel.seed) for panel in view.panels))
    if len(prompts) * len(seeds) == len(view.panels):
        if len(prompts) > 1:
            axes["prompt"] = Axis(field="prompt", label="prompt", values=prompts)
        if len(seeds) > 1:
            axes["seed"] = Axis(field="seed", label="seed", values=seeds)
    else:
        values = [panel.label for panel in view.panels]
        axes["panel"] = Axis(field="panel", label="prompt and seed", values=values)
    return axes


def _axis_item(name: str, axis: Axis) -> dict[str, Any]:
    notes = [list(axis.notes_of(index)) for index in range(len(axis.values))]
    return {"id": name, "label": axis.label, "values": list(axis.values), "notes": notes}


def _cell_item(cell: Cell) -> dict[str, Any]:
    return {
        "position": cell.position,
        "panel": cell.panel,
        "key": cell.key,
        "state": str(cell.state),
        "reason": cell.reason,
        "scores": dict(cell.scores),
        "facts": {name: fact for name, fact in cell.facts.items() if fact},
        "parameters": cell.parameters,
    }


def _coordinates(view: GridView, cell: Cell, axes: Mapping[str, Axis]) -> list[int]:
    panel = view.panels[cell.panel]
    at = {"x": cell.x, "y": cell.y, "z": cell.z, "panel": cell.panel}
    for name, value in (("prompt", panel.prompt), ("seed", str(panel.seed))):
        if name in axes:
            at[name] = list(axes[name].values).index(value)
    return [at[name] for name in axes]


def _pick(view: GridView) -> dict[str, Any] | None:
    pick = view.pick
    if pick is None:
        return None
    at = {name: getattr(pick, name) for name in "xyz" if getattr(pick, name) is not None}
    return {"at": at, "ref": pick.ref, "strength": pick.strength, "reason": pick.reason}


def _known(
    paths: Sequence[Path], url: Callable[[Path], str | None] | None, urls: dict[str, int]
) -> list[int]:
    found = [url(path) for path in paths] if url else []
    return [_numbered(one, urls) for one in found if one is not None]


def _url_number(url: PictureUrl | None, cell: Cell, urls: dict[str, int]) -> int | None:
    found = url(cell) if url and cell.picture else None
    return None if found is None else _numbered(found, urls)


def _numbered(url: str, urls: dict[str, int]) -> int:
    return urls.setdefault(url, len(urls))
