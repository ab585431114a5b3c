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
from sdxl_reg.evaluation.pick import Choice, choose
from sdxl_reg.evaluation.places import Draw, Place
from sdxl_reg.evaluation.plan import matching_references
from sdxl_reg.evaluation.sheet import Block, Row, Sheet, draw_sheet
from sdxl_reg.jobs.spec import ImageSpec
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.tables import ArtifactVersion, Grid, GridCell

BEST = "best"
"""The alias that a grid points at its pick."""

_Thing = TypeVar("_Thing")


def complete_grid(
    session: Session,
    store: BlobStore,
    grid: Grid,
    *,
    versions: Sequence[ArtifactVersion],
    references: Sequence[ImageSpec],
) -> Choice:
    """Pick, draw the sheet, point `best` at the pick and record the lineage; all of it or nothing.

    Args:
        session: The transaction.
        store: Holds the pictures; receives the sheet.
        grid: With all its cells drawn.
        versions: The grid's versions, in their order.
        references: The pictures its prompts ask for.

    Returns:
        The pick and its reason, or why there is none.
    """
    cells = cells_of(session, grid)
    places = _places(cells, grid.spec["scorer"])
    choice = choose(places)
    if choice.pick is not None:
        picked = places[choice.pick.index]
        best = next(version for version in versions if version.version == picked.version)
        grid.best_version, grid.best_strength = best, picked.strength
        grid.reason = choice.reason
        why = f"grid {grid.id}: {choice.reason}"
        set_alias(session, best, BEST, strength=picked.strength, reason=why)
    sheet = sheet_of(store, grid, cells, versions=versions, references=references)
    grid.sheet = recorded(session, store.put_bytes(png_bytes(sheet)))
    record_output(session, grid.run_id, grid.node_id, "grid")
    note(session, "grid.ready", f"grid {grid.id}", reason=grid.reason)
    session.flush()
    return choice


def sheet_of(
    store: BlobStore,
    grid: Grid,
    cells: Sequence[GridCell],
    *,
    versions: Sequence[ArtifactVersion],
    references: Sequence[ImageSpec],
) -> Sheet:
    """What the sheet of a grid shows; cells that are not drawn yet stay empty."""
    spec: dict[str, Any] = grid.spec
    at = {(cell.prompt, cell.seed, cell.version_id, cell.strength): cell for cell in cells}
    strengths: list[float] = spec["strengths"]
    blocks = []
    for prompt in spec["prompts"]:
        asked = [image.path for image in matching_references(prompt, references)]
        for seed in spec["seeds"]:
            rows = [
                _row(
                    store,
                    version,
                    [at[prompt, seed, version.id, strength] for strength in strengths],
                    spec["scorer"],
                )
                for version in versions
            ]
            shown = _spread(asked, len(rows))
            blocks.append(Block(prompt=prompt, seed=seed, rows=rows, references=shown))
    sampling = spec["sampling"]
    facts = [
        f"base {spec['base']}",
        f"{sampling['width']} x {sampling['height']} pixels",
        f"{sampling['sampler']}, {sampling['num_inference_steps']} steps",
        f"guidance {sampling['guidance_scale']:g}",
        "below each picture: its fidelity to the set, higher is nearer",
    ]
    return Sheet(
        title=f"{grid.artifact.name}: versions by strengths (grid {grid.id})",
        facts=facts,
        strengths=strengths,
        blocks=blocks,
        size=(sampling["width"], sampling["height"]),
        best=_best_place(grid, versions, strengths),
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


def png_bytes(sheet: Sheet) -> bytes:
    """A sheet as a PNG file."""
    buffer = io.BytesIO()
    draw_sheet(sheet).save(buffer, "PNG", optimize=False)
    return buffer.getvalue()


def write_sheet(store: BlobStore, sheet_sha256: str, to: Path) -> Path:
    """Copy a sheet out of the store; the file appears whole or not at all."""
    to.parent.mkdir(parents=True, exist_ok=True)
    partial = to.with_name(to.name + ".part")
    partial.write_bytes(store.read(sheet_sha256))
    partial.replace(to)
    return to


def _places(cells: Iterable[GridCell], scorer: str) -> list[Place]:
    scores: dict[tuple[int, float], dict[Draw, float]] = {}
    for cell in cells:
        value = _score(cell, scorer)
        if value is not None:
            place = cell.version.version, cell.strength
            scores.setdefault(place, {})[cell.prompt, cell.seed] = value
    return [
        Place(version=number, ref=f"@{number}", strength=strength, scores={FIDELITY: values})
        for (number, strength), values in scores.items()
    ]


def _score(cell: GridCell, scorer: str) -> float | None:
    wanted = (
        score.value for score in cell.scores if (score.metric, score.scorer) == (FIDELITY, scorer)
    )
    return next(wanted, None)


def _row(store: BlobStore, version: ArtifactVersion, cells: Sequence[GridCell], scorer: str) -> Row:
    notes = []
    if version.epoch is not None:
        notes.append(f"epoch {version.epoch}, step {version.step}")
    if version.loss is not None:
        notes.append(f"loss {version.loss:.4f}")
    return Row(
        name=f"@{version.version}",
        notes=notes,
        pictures=[store.path(cell.blob.sha256) if cell.blob else None for cell in cells],
        scores=[_score(cell, scorer) for cell in cells],
    )


def _best_place(
    grid: Grid, versions: Sequence[ArtifactVersion], strengths: Sequence[float]
) -> tuple[int, int] | None:
    if grid.best_version is None or grid.best_strength is None:
        return None
    row = next(n for n, version in enumerate(versions) if version.id == grid.best_version.id)
    return row, list(strengths).index(grid.best_strength)


def _verdict(grid: Grid) -> str:
    if grid.best_version is None or grid.best_strength is None:
        return ""
    ref = f"{grid.artifact.name}@{grid.best_version.version}"
    return f"Pick: {ref} at strength {grid.best_strength:g}: {grid.reason}"


def _spread(things: Sequence[_Thing], count: int) -> list[_Thing]:
    """At most so many of them, from all over."""
    if len(things) <= count:
        return list(things)
    return [things[number * len(things) // count] for number in range(count)]
