"""What a drawn grid comes to: the pick, the sheet, the alias `best` and the lineage."""

import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from sdxl_reg.catalog.artifacts import set_alias
from sdxl_reg.catalog.audit import note
from sdxl_reg.catalog.blobs import recorded
from sdxl_reg.catalog.grid_cells import FIDELITY, cells_of
from sdxl_reg.catalog.lineage import record_output
from sdxl_reg.evaluation.pick import Draw, Pick, Place, choose
from sdxl_reg.evaluation.references import matching_references
from sdxl_reg.evaluation.sheet import draw_sheet
from sdxl_reg.evaluation.sheet_files import write_sheet as write_page
from sdxl_reg.evaluation.view import Axis, Cell, CellState, GridView, Metric, Panel, Picked
from sdxl_reg.jobs.spec import ImageSpec
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.tables import ArtifactVersion, Grid, GridCell

BEST = "best"
"""The alias that a grid points at its pick."""

METRICS = (
    Metric(name=FIDELITY, summary="likeness to the set; higher is nearer"),
    Metric(name="nearest", summary="likeness to any one picture of the set; near 1 is a copy"),
)

_Thing = TypeVar("_Thing")


def complete_grid(
    session: Session,
    store: BlobStore,
    grid: Grid,
    *,
    versions: Sequence[ArtifactVersion],
    references: Sequence[ImageSpec],
) -> Pick | None:
    """Pick, draw the sheet, point `best` at the pick and record the lineage; all of it or nothing.

    Args:
        session: The transaction.
        store: Holds the pictures; receives the sheet.
        grid: With all its cells drawn.
        versions: The grid's versions, in their order.
        references: The pictures its prompts ask for.

    Returns:
        The pick, or None when there is nothing to choose by.
    """
    cells = cells_of(session, grid)
    pick = _pick(cells, versions, grid.spec["scorer"])
    if pick is not None:
        best = versions[pick.version]
        grid.best_version, grid.best_strength, grid.reason = best, pick.strength, pick.reason
        set_alias(session, best, BEST, strength=pick.strength, reason=_alias_reason(grid, pick))
    view = view_of(store, grid, cells, versions=versions, references=references)
    grid.sheet = recorded(session, store.put_bytes(png_bytes(view)))
    record_output(session, grid.run_id, grid.node_id, "grid")
    note(session, "grid.ready", f"grid {grid.id}", reason=grid.reason)
    session.flush()
    return pick


def view_of(
    store: BlobStore,
    grid: Grid,
    cells: Sequence[GridCell],
    *,
    versions: Sequence[ArtifactVersion],
    references: Sequence[ImageSpec],
) -> GridView:
    """A grid as people look at it: strengths are columns, versions rows, prompts by seeds panels.

    Args:
        store: Holds the pictures.
        grid: Drawn or not.
        cells: All of its cells; those that are not drawn yet stay empty.
        versions: The grid's versions, in their order.
        references: The pictures its prompts ask for.
    """
    spec: dict[str, Any] = grid.spec
    sampling = spec["sampling"]
    return GridView(
        title=f"{grid.artifact.name}: versions by strengths (grid {grid.id})",
        number=grid.id,
        artifact=grid.artifact.name,
        facts=[
            f"base {spec['base']}",
            f"{sampling['width']} x {sampling['height']} pixels",
            f"{sampling['sampler']}, {sampling['num_inference_steps']} steps",
            f"guidance {sampling['guidance_scale']:g}",
        ],
        x=_strength_axis(spec["strengths"]),
        y=_version_axis(versions),
        panels=_panels(spec, references, len(versions)),
        cells=_viewed_cells(store, grid, cells, versions),
        metrics=METRICS,
        size=(sampling["width"], sampling["height"]),
        pick=_picked(grid, versions),
        verdict=_verdict(grid),
    )


def mean_scores(session: Session, grid: Grid) -> dict[tuple[int, float], float]:
    """Mean fidelity over prompts and seeds: (number of the version, strength) → score."""
    values: dict[tuple[int, float], list[float]] = {}
    for cell in cells_of(session, grid):
        value = _score(cell, grid.spec["scorer"])
        if value is not None:
            values.setdefault((cell.version.version, cell.strength), []).append(value)
    return {place: fmean(scores) for place, scores in values.items()}


def png_bytes(view: GridView) -> bytes:
    """The first page of a grid's sheet as a PNG file."""
    buffer = io.BytesIO()
    write_page(draw_sheet(view), buffer)
    return buffer.getvalue()


def write_sheet(store: BlobStore, sheet_sha256: str, to: Path) -> Path:
    """Copy a sheet out of the store; the file appears whole or not at all."""
    to.parent.mkdir(parents=True, exist_ok=True)
    partial = to.with_name(to.name + ".part")
    partial.write_bytes(store.read(sheet_sha256))
    partial.replace(to)
    return to


def _pick(
    cells: Iterable[GridCell], versions: Sequence[ArtifactVersion], scorer: str
) -> Pick | None:
    index_of = {version.id: index for index, version in enumerate(versions)}
    scores: dict[Place, dict[Draw, float]] = {}
    for cell in cells:
        value = _score(cell, scorer)
        if value is not None:
            place = (index_of[cell.version_id], cell.strength)
            scores.setdefault(place, {})[cell.prompt, cell.seed] = value
    names = {index: f"@{version.version}" for index, version in enumerate(versions)}
    return choose(scores, names, metric=FIDELITY)


def _score(cell: GridCell, scorer: str) -> float | None:
    wanted = (
        score.value for score in cell.scores if (score.metric, score.scorer) == (FIDELITY, scorer)
    )
    return next(wanted, None)


def _strength_axis(strengths: Sequence[float]) -> Axis:
    return Axis(
        field="strength",
        label="strength",
        values=[f"{strength:g}" for strength in strengths],
        notes=[() if strength else ("the base",) for strength in strengths],
    )


def _version_axis(versions: Sequence[ArtifactVersion]) -> Axis:
    return Axis(
        field="version",
        label="version",
        values=[f"@{version.version}" for version in versions],
        notes=[_notes(version) for version in versions],
    )


def _notes(version: ArtifactVersion) -> list[str]:
    notes = []
    if version.epoch is not None:
        notes.append(f"epoch {version.epoch}, step {version.step}")
    if version.loss is not None:
        notes.append(f"loss {version.loss:.4f}")
    return notes


def _panels(spec: dict[str, Any], references: Sequence[ImageSpec], count: int) -> list[Panel]:
    panels = []
    for prompt in spec["prompts"]:
        asked = _spread([image.path for image in matching_references(prompt, references)], count)
        panels += [Panel(prompt=prompt, seed=seed, references=asked) for seed in spec["seeds"]]
    return panels


def _viewed_cells(
    store: BlobStore, grid: Grid, cells: Iterable[GridCell], versions: Sequence[ArtifactVersion]
) -> list[Cell]:
    spec = grid.spec
    x = {strength: index for index, strength in enumerate(spec["strengths"])}
    y = {version.id: index for index, version in enumerate(versions)}
    draws = [(prompt, seed) for prompt in spec["prompts"] for seed in spec["seeds"]]
    panel = {draw: index for index, draw in enumerate(draws)}
    return [
        Cell(
            x=x[cell.strength],
            y=y[cell.version_id],
            panel=panel[cell.prompt, cell.seed],
            position=cell.position,
            key=cell.cell_key,
            state=CellState.DRAWN if cell.blob else CellState.MISSING,
            picture=store.path(cell.blob.sha256) if cell.blob else None,
            scores=_scores(cell, spec["scorer"]),
            facts=_facts(grid, cell),
        )
        for cell in cells
    ]


def _scores(cell: GridCell, scorer: str) -> dict[str, float]:
    return {score.metric: score.value for score in cell.scores if score.scorer == scorer}


def _facts(grid: Grid, cell: GridCell) -> dict[str, str]:
    sampling = grid.spec["sampling"]
    return {
        "version": f"{grid.artifact.name}@{cell.version.version}",
        "strength": f"{cell.strength:g}",
        "prompt": cell.prompt,
        "negative prompt": sampling["negative_prompt"],
        "seed": str(cell.seed),
        "steps": str(sampling["num_inference_steps"]),
        "sampler": str(sampling["sampler"]),
        "guidance": f"{sampling['guidance_scale']:g}",
        "size": f"{sampling['width']}x{sampling['height']}",
        "base": str(grid.spec["base"]),
    }


def _picked(grid: Grid, versions: Sequence[ArtifactVersion]) -> Picked | None:
    if grid.best_version is None or grid.best_strength is None:
        return None
    row = next(n for n, version in enumerate(versions) if version.id == grid.best_version.id)
    return Picked(
        x=list(grid.spec["strengths"]).index(grid.best_strength),
        y=row,
        ref=f"{grid.artifact.name}@{grid.best_version.version}",
        strength=grid.best_strength,
        reason=grid.reason,
    )


def _verdict(grid: Grid) -> str:
    if grid.best_version is None or grid.best_strength is None:
        return ""
    ref = f"{grid.artifact.name}@{grid.best_version.version}"
    return f"Pick: {ref} at strength {grid.best_strength:g}: {grid.reason}"


def _alias_reason(grid: Grid, pick: Pick) -> str:
    return f"grid {grid.id}: {pick.reason}"


def _spread(things: Sequence[_Thing], count: int) -> list[_Thing]:
    """At most so many of them, from all over."""
    if len(things) <= count:
        return list(things)
    return [things[number * len(things) // count] for number in range(count)]
