"""A grid as people look at it, out of its rows."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from sdxl_reg.catalog.grid_cells import FIDELITY, cells_of
from sdxl_reg.evaluation import axes
from sdxl_reg.evaluation.axes import Value, is_draw
from sdxl_reg.evaluation.layout import Layout, plural, read_layout
from sdxl_reg.evaluation.metrics.discovery import all_metrics
from sdxl_reg.evaluation.references import matching_references
from sdxl_reg.evaluation.view import Axis, Cell, CellState, GridView, Metric, Panel, Picked
from sdxl_reg.jobs.spec import ImageSpec
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.tables import Grid, GridCell

_Thing = TypeVar("_Thing")


def view_of(
    session: Session, store: BlobStore, grid: Grid, references: Sequence[ImageSpec]
) -> GridView:
    """A grid as people look at it; cells that are not drawn yet stay empty.

    Args:
        session: The transaction.
        store: Holds the pictures.
        grid: Drawn or not.
        references: The pictures that its prompts ask for.
    """
    layout = read_layout(grid.spec)
    cells = cells_of(session, grid)
    return GridView(
        title=_title(grid, layout),
        number=grid.id,
        artifact=grid.artifact.name,
        facts=_facts_of_all(layout),
        x=_axis(layout.x),
        y=_axis(layout.y),
        z=_axis(layout.z) if layout.z else None,
        panels=[
            Panel(
                prompt=panel.prompt,
                seed=None if _has(layout, axes.SEED) else panel.seed,
                references=_spread(
                    [image.path for image in matching_references(panel.prompt, references)],
                    len(layout.y.values),
                ),
            )
            for panel in layout.panels
        ],
        cells=[_cell(store, grid, cell) for cell in cells],
        metrics=_metrics(cells),
        size=(layout.common.width, layout.common.height),
        pick=_picked(grid, layout),
        verdict=verdict_of(grid),
    )


def verdict_of(grid: Grid) -> str:
    """The pick in words; empty without one."""
    if grid.best_version is None or grid.best_strength is None:
        return grid.reason
    ref = f"{grid.artifact.name}@{grid.best_version.version}"
    return f"Pick: {ref} at strength {grid.best_strength:g}: {grid.reason}"


def counted_axes(layout: Layout) -> str:
    """The axes in words: `5 versions × 11 strengths`."""
    return " × ".join(
        f"{len(axis.values)} {plural(axis.field) if len(axis.values) > 1 else axis.field}"
        for axis in (layout.y, layout.x, layout.z)
        if axis
    )


def scores_in(cell: GridCell) -> dict[str, float]:
    """Metric → value; of several scorers of one metric, the newest."""
    return {score.metric: score.value for score in sorted(cell.scores, key=lambda one: one.id)}


def state_of(cell: GridCell) -> CellState:
    """Whether a cell has its picture."""
    if cell.blob_id is not None:
        return CellState.DRAWN
    return CellState.FAILED if cell.reason else CellState.MISSING


def _title(grid: Grid, layout: Layout) -> str:
    names = [plural(axis.field) for axis in (layout.y, layout.x, layout.z) if axis]
    return f"{grid.artifact.name}: {' × '.join(names)} (grid {grid.id})"


def _facts_of_all(layout: Layout) -> list[str]:
    """What no axis varies."""
    picture, said = layout.common, layout.common.said()
    facts = [
        ("base", f"base {picture.base}"),
        ("size", f"{picture.width} x {picture.height} pixels"),
        ("sampler", f"{picture.sampler} {picture.schedule}".removesuffix(" Automatic")),
        ("steps", f"{picture.num_inference_steps} steps"),
        ("cfg", f"guidance {picture.guidance_scale:g}"),
        ("version", layout.version),
        ("strength", f"strength {layout.strength:g}"),
    ]
    shown = [text for name, text in facts if not _has(layout, name)]
    named = {"base", "prompt", "width", "height", "sampler", "schedule"}
    named |= {"num_inference_steps", "guidance_scale"}
    return shown + [
        f"{name.replace('_', ' ')} {value}" for name, value in said.items() if name not in named
    ]


def _has(layout: Layout, field: str) -> bool:
    return any(axis.field == field for axis in layout.axes)


def _axis(axis: axes.Axis) -> Axis:
    return Axis(
        field=axis.field,
        label=axis.field.replace("-", " "),
        values=[value.label for value in axis.values],
        notes=[_notes(value) for value in axis.values],
    )


def _notes(value: Value) -> Sequence[str]:
    return ("the base",) if value.changes.get(axes.STRENGTH) == 0 else value.notes


def _cell(store: BlobStore, grid: Grid, cell: GridCell) -> Cell:
    return Cell(
        x=cell.x,
        y=cell.y,
        z=cell.z,
        panel=cell.panel,
        position=cell.position,
        key=cell.cell_key,
        state=state_of(cell),
        reason=cell.reason,
        picture=store.path(cell.blob.sha256) if cell.blob else None,
        scores=scores_in(cell),
        facts=facts_of(grid.artifact.name, cell),
    )


def facts_of(artifact: str, cell: GridCell) -> dict[str, str]:
    """What determined a cell, by name, in the order in which it is shown."""
    asked: Mapping[str, Any] = cell.picture
    size = f"{asked['width']}x{asked['height']}"
    facts = {
        "version": f"{artifact}@{cell.version.version}",
        "strength": f"{cell.strength:g}",
        "prompt": cell.prompt,
        "seed": str(cell.seed),
        "size": size,
    }
    rest = {key: value for key, value in asked.items() if key not in (*facts, "width", "height")}
    others = [use for use in rest.pop("adapters", []) if use["ref"] != facts["version"]]
    if others:
        facts["adapters"] = ", ".join(f"{use['ref']} at {use['strength']:g}" for use in others)
    return facts | {name.replace("_", " "): str(value) for name, value in rest.items()}


def _metrics(cells: Sequence[GridCell]) -> list[Metric]:
    """What the scores of some cells measure, what the pick goes by first."""
    scored = {score.metric for cell in cells for score in cell.scores}
    working, _ = all_metrics()
    known = {
        metric.name: Metric(name=metric.name, summary=metric.summary, better=metric.better)
        for metric in working
    }
    names = sorted(scored, key=lambda name: (name != FIDELITY, name))
    return [known.get(name, Metric(name=name, summary="")) for name in names]


def _where(pick: Mapping[str, Any], layout: Layout) -> dict[str, int | None]:
    """Where the pick is; on axes of prompts and seeds everywhere, for these are its draws."""
    named = (("x", layout.x), ("y", layout.y), ("z", layout.z))
    return {name: None if axis and is_draw(axis.field) else pick[name] for name, axis in named}


def _picked(grid: Grid, layout: Layout) -> Picked | None:
    if grid.best_version is None or grid.best_strength is None or not grid.pick:
        return None
    return Picked(
        **_where(grid.pick, layout),
        ref=f"{grid.artifact.name}@{grid.best_version.version}",
        strength=grid.best_strength,
        reason=grid.reason,
    )


def _spread(things: Sequence[_Thing], count: int) -> list[_Thing]:
    """At most so many of them, from all over."""
    if len(things) <= count:
        return list(things)
    return [things[number * len(things) // count] for number in range(count)]
