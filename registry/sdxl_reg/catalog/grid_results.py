"""What a drawn grid comes to: the pick, the sheet, the alias `best` and the lineage."""

import io
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import fmean
from typing import Any

from sqlalchemy.orm import Session

from sdxl_reg.catalog.artifacts import aliases_of, find_version, set_alias, version_ref
from sdxl_reg.catalog.audit import note
from sdxl_reg.catalog.blobs import recorded
from sdxl_reg.catalog.grid_cells import FIDELITY, cells_of
from sdxl_reg.catalog.grid_view import scores_in, view_of
from sdxl_reg.catalog.lineage import record_output
from sdxl_reg.errors import InvalidValue
from sdxl_reg.evaluation.axes import STRENGTH, VERSION, is_draw
from sdxl_reg.evaluation.criteria import Criteria, parse_gate, parse_weight
from sdxl_reg.evaluation.layout import Layout, read_layout
from sdxl_reg.evaluation.pick import Choice, choose
from sdxl_reg.evaluation.places import Draw, Place
from sdxl_reg.evaluation.sheet import draw_sheet
from sdxl_reg.evaluation.sheet_files import write_sheet as write_page
from sdxl_reg.evaluation.view import GridView
from sdxl_reg.jobs.spec import ImageSpec
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.tables import ArtifactAlias, Grid, GridCell
from sdxl_reg.vocabulary import Chooser

BEST = "best"
"""The alias that a grid points at its pick."""
DEFAULT_GATES = ("not-finite<=0", "flatness<=0.98", "burnt<=0.5", "memorisation<=0.9")
"""What the pictures of a pick must be, as far as it was scored."""
GridPlace = tuple[int, int, int]
"""x, y and z."""


def complete_grid(
    session: Session, store: BlobStore, grid: Grid, *, references: Sequence[ImageSpec]
) -> Choice:
    """Pick, draw the sheet, point `best` at the pick and record the lineage; all of it or nothing.

    An alias that a person has set stays where it is.

    Args:
        session: The transaction.
        store: Holds the pictures; receives the sheet.
        grid: With every cell drawn or failed.
        references: The pictures its prompts ask for.
    """
    choice = pick_by_scores(session, grid)
    view = view_of(session, store, grid, references)
    grid.sheet = recorded(session, store.put_bytes(png_bytes(view)))
    record_output(session, grid.run_id, grid.node_id, "grid")
    note(session, "grid.ready", f"grid {grid.id}", reason=grid.reason)
    session.flush()
    return choice


def pick_by_scores(session: Session, grid: Grid) -> Choice:
    """Choose by the scores of a grid, and record what was chosen and why."""
    places = places_of(grid, cells_of(session, grid))
    scored = {metric for place in places.values() for metric in place.scores}
    choice = choose(list(places.values()), criteria_of(grid, scored))
    where = list(places)
    grid.best_version, grid.best_strength, grid.reason = None, None, choice.reason
    grid.pick = {
        "by": str(Chooser.SCORES),
        "rejected": [
            {"place": where[out.index], "label": places[where[out.index]].label, "why": out.why}
            for out in choice.rejected
        ],
    }
    if choice.pick is not None:
        chosen = places[where[choice.pick.index]]
        _record_pick(
            session, grid, where[choice.pick.index], chosen, {**asdict(choice.pick), **grid.pick}
        )
        if not _is_a_persons(_best_alias(session, grid)):
            _point_best(session, grid, Chooser.SCORES)
    return choice


def pick_by_person(session: Session, grid: Grid, position: int, reason: str) -> GridCell:
    """Record a person's choice; it overrules the scores, here and in later grids.

    Args:
        session: The transaction.
        grid: Drawn as far as the cell.
        position: Of the cell that was chosen.
        reason: In the person's words; may be empty.

    Raises:
        InvalidValue: There is no such cell, or it is the base.
    """
    places = {cell.position: cell for cell in cells_of(session, grid)}
    cell = places.get(position)
    if cell is None or cell.strength == 0:
        raise InvalidValue(
            "not a cell that can be chosen",
            position,
            remedy="Give the position of a cell whose strength is not 0",
        )
    where = (cell.x, cell.y, cell.z)
    chosen = places_of(grid, [cell])[where]
    grid.reason = reason or "chosen by a person"
    before = {key: value for key, value in (grid.pick or {}).items() if key != "by"}
    _record_pick(session, grid, where, chosen, {"by": str(Chooser.PERSON), "before": before})
    _point_best(session, grid, Chooser.PERSON)
    note(session, "grid.picked", f"grid {grid.id}", position=position, reason=grid.reason)
    return cell


def pick_again_by_scores(session: Session, grid: Grid) -> Choice:
    """Choose by the scores once more, and let them have the alias back from a person."""
    choice = pick_by_scores(session, grid)
    _point_best(session, grid, Chooser.SCORES)
    return choice


def criteria_of(grid: Grid, scored: Collection[str]) -> Criteria:
    """What a grid was asked to choose by.

    Args:
        grid: Says weights and gates, or leaves them to the defaults.
        scored: The metrics that its cells have; a default gate on another one is left out.
    """
    said = grid.spec.get("criteria", {})
    weights = dict(parse_weight(text) for text in said.get("weights", []))
    if "gates" in said:
        gates = [parse_gate(text) for text in said["gates"]]
    else:
        gates = [gate for gate in map(parse_gate, DEFAULT_GATES) if gate.metric in scored]
    return Criteria(gates=gates, **({"weights": weights} if weights else {}))


def mean_scores(session: Session, grid: Grid, metric: str = FIDELITY) -> dict[GridPlace, float]:
    """Mean of a score over prompts and seeds: x, y, z → value."""
    values: dict[GridPlace, list[float]] = {}
    for cell in cells_of(session, grid):
        value = scores_in(cell).get(metric)
        if value is not None:
            values.setdefault((cell.x, cell.y, cell.z), []).append(value)
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


def places_of(
    grid: Grid,
    cells: Sequence[GridCell],
    *,
    scores_of: Callable[[GridCell], Mapping[str, float]] = scores_in,
) -> dict[GridPlace, Place]:
    """The places of a grid with their scores.

    Args:
        grid: Says the axes.
        cells: Of it.
        scores_of: From a cell to its scores; another one where they do not matter.

    Returns:
        x, y, z → the place; of several that no setting tells apart only the first.
    """
    layout = read_layout(grid.spec)
    found: dict[tuple[Any, ...], GridPlace] = {}
    scores: dict[GridPlace, dict[str, dict[Draw, float]]] = {}
    facts: dict[GridPlace, dict[str, Any]] = {}
    for cell in cells:
        where = (cell.x, cell.y, cell.z)
        identity = (cell.version.version, cell.strength, _settings(layout, where))
        where = found.setdefault(identity, where)
        facts[where] = {
            "version": cell.version.version,
            "ref": version_ref(cell.version),
            "strength": cell.strength,
            "settings": identity[2],
        }
        own = scores.setdefault(where, {})
        for metric, value in scores_of(cell).items():
            own.setdefault(metric, {})[cell.prompt, cell.seed] = value
    return {where: Place(**fact, scores=scores[where]) for where, fact in facts.items()}


def _settings(layout: Layout, where: GridPlace) -> str:
    """What tells a place from others besides version and strength, in words."""
    axes = zip((layout.x, layout.y, layout.z), where, strict=True)
    return ", ".join(
        f"{axis.field} {axis.values[index].label}"
        for axis, index in axes
        if axis and axis.field not in (VERSION, STRENGTH) and not is_draw(axis.field)
    )


def _record_pick(
    session: Session, grid: Grid, where: GridPlace, chosen: Place, facts: Mapping[str, Any]
) -> None:
    grid.best_version = find_version(session, chosen.ref)
    grid.best_strength = chosen.strength
    place = dict(zip("xyz", where, strict=True))
    grid.pick = {**facts, **place, "settings": chosen.settings}


def _best_alias(session: Session, grid: Grid) -> ArtifactAlias | None:
    aliases = aliases_of(session, grid.artifact)
    return next((alias for alias in aliases if alias.name == BEST), None)


def _is_a_persons(alias: ArtifactAlias | None) -> bool:
    return alias is not None and alias.chosen_by == Chooser.PERSON


def _point_best(session: Session, grid: Grid, chosen_by: Chooser) -> None:
    if grid.best_version is None:
        return
    set_alias(
        session,
        grid.best_version,
        BEST,
        strength=grid.best_strength,
        reason=f"grid {grid.id}: {grid.reason}",
        chosen_by=chosen_by,
    )
