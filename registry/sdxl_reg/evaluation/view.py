"""A grid as people look at it: axes, panels, cells, scores and the pick. No torch, no database.

Sheets, the viewer, plots and tables are all drawn from a `GridView`. Its axes hold any field of a
request; Z, where there is one, turns pages. Every place (x, y, z) has one picture for each panel,
and a panel is a prompt and a seed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from math import isfinite
from pathlib import Path

from sdxl_reg.errors import InvalidValue, UnknownName
from sdxl_reg.vocabulary import Better

_UNORDERED = frozenset({"seed"})
"""Fields whose values may be numbers of which none lies between two others."""

Place = tuple[int, int, int, int]
"""x, y, z and panel, each from 0."""


class CellState(StrEnum):
    """Whether a cell has its picture."""

    DRAWN = "drawn"
    MISSING = "missing"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Axis:
    """One direction of a grid.

    Attributes:
        field: What varies, under its name in a request: `strength`, `version`, `seed`.
        label: The same for people.
        values: As they are shown.
        notes: Short lines for each value (epoch, loss); empty, or as many as values.
    """

    field: str
    label: str
    values: Sequence[str]
    notes: Sequence[Sequence[str]] = ()

    def notes_of(self, index: int) -> Sequence[str]:
        """The short lines of a value; none where it has none."""
        return self.notes[index] if self.notes else ()

    @cached_property
    def numbers(self) -> tuple[float, ...] | None:
        """The values as numbers; None unless each is one and their distances mean something."""
        if self.field in _UNORDERED:
            return None
        found = [_number(value) for value in self.values]
        known = [number for number in found if number is not None]
        return tuple(known) if known and len(known) == len(found) else None


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A prompt and a seed: what every place of a grid is drawn for.

    Attributes:
        prompt: What is asked for, before an axis changes it.
        seed: Of the noise; None where an axis sets it.
        references: Pictures of the set to compare with.
    """

    prompt: str
    seed: int | None
    references: Sequence[Path] = ()

    @property
    def label(self) -> str:
        """Prompt and seed on one line."""
        return self.prompt if self.seed is None else f"{self.prompt}  · seed {self.seed}"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One picture of a grid, or the place where it is missing.

    Attributes:
        x: Index into the values of the X axis; y and z likewise, z is 0 without a Z axis.
        y: See x.
        z: See x.
        panel: Index into the panels.
        position: Its number in the grid; what links name.
        key: Hash of everything that determines the pixels.
        state: Whether it has its picture.
        reason: Why it failed; empty otherwise.
        picture: Its file; None unless it is drawn.
        scores: Metric → value.
        facts: What determined it, in the order in which it is shown: version, strength, steps.
        parameters: What "copy parameters" copies; empty: the prompt and the facts.
    """

    x: int
    y: int
    z: int = 0
    panel: int = 0
    position: int
    key: str
    state: CellState
    reason: str = ""
    picture: Path | None = None
    scores: Mapping[str, float] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    parameters: str = ""

    @property
    def place(self) -> Place:
        """Where it is."""
        return self.x, self.y, self.z, self.panel


@dataclass(frozen=True, kw_only=True)
class Metric:
    """What a score measures.

    Attributes:
        name: As in the scores of a cell.
        summary: A few words: what a high value says.
        better: Which end is wanted.
    """

    name: str
    summary: str
    better: Better = Better.HIGHER

    def best(self, values: Iterable[float]) -> float | None:
        """The best of some values; None of none, and where neither end is the good one."""
        if self.better is Better.NEITHER:
            return None
        return (max if self.better is Better.HIGHER else min)(values, default=None)


@dataclass(frozen=True, kw_only=True)
class Picked:
    """The place that was chosen, in every panel.

    Attributes:
        x: Index into the values of the X axis; None: all of them, where they are draws like those
            of a panel (prompts, seeds). y and z likewise.
        y: See x.
        z: See x.
        ref: The version: `weipin-lora@3`.
        strength: To use it with.
        reason: One or two sentences.
    """

    x: int | None
    y: int | None
    z: int | None = 0
    ref: str
    strength: float
    reason: str


@dataclass(frozen=True, kw_only=True)
class GridView:
    """Everything that is shown of a grid.

    Attributes:
        title: One line.
        number: Of the grid.
        artifact: Name of what is compared.
        facts: What holds for all cells: base, size, sampler.
        x: The columns.
        y: The rows.
        z: The pages; None for one page.
        panels: At least one.
        cells: At most one a place; where there is none, the place is blank.
        metrics: The first is shown by default.
        size: Width and height of a picture, in pixels.
        pick: What was chosen; None without a choice.
        verdict: The pick in words; may be empty.

    Raises:
        InvalidValue: Two cells share a place or a position, or one lies outside the axes.
    """

    title: str
    number: int
    artifact: str
    facts: Sequence[str]
    x: Axis
    y: Axis
    z: Axis | None = None
    panels: Sequence[Panel]
    cells: Sequence[Cell]
    metrics: Sequence[Metric] = ()
    size: tuple[int, int]
    pick: Picked | None = None
    verdict: str = ""

    def __post_init__(self) -> None:
        for axis in self.axes:
            if not axis.values or len(axis.notes) not in (0, len(axis.values)):
                remedy = "Give it at least one value, and notes for all values or for none"
                raise InvalidValue("not an axis", axis.label, remedy=remedy)
        for cell in self.cells:
            if not all(0 <= at < length for at, length in zip(cell.place, self.shape, strict=True)):
                remedy = f"x, y, z and panel are below {self.shape}"
                raise InvalidValue("cell outside the axes", cell.place, remedy=remedy)
        positions = {cell.position for cell in self.cells}
        if not len(self.cells) == len(self._at) == len(positions):
            remedy = "Give each cell its own place and position"
            raise InvalidValue("cells that share a place", len(self.cells), remedy=remedy)

    @property
    def axes(self) -> Sequence[Axis]:
        """X, Y, and Z where there is one."""
        return [axis for axis in (self.x, self.y, self.z) if axis is not None]

    @property
    def shape(self) -> Place:
        """How many values x, y and z have, and how many panels there are."""
        pages = 1 if self.z is None else len(self.z.values)
        return len(self.x.values), len(self.y.values), pages, len(self.panels)

    def cell(self, place: Place) -> Cell | None:
        """The cell at a place; None where there is none."""
        return self._at.get(place)

    def metric(self, name: str = "") -> Metric | None:
        """A metric by its name, or the one that is shown by default; None without any.

        Args:
            name: One of `metrics`; empty for the first.

        Raises:
            UnknownName: There is no such metric.
        """
        if not name:
            return next(iter(self.metrics), None)
        for metric in self.metrics:
            if metric.name == name:
                return metric
        raise UnknownName("metric", name, [metric.name for metric in self.metrics])

    def value(self, cell: Cell, name: str) -> str:
        """What a field is for a cell: by its facts, else by an axis, else by its panel.

        Args:
            cell: One of `cells`.
            name: A field of a request, such as `strength` or `prompt`.

        Returns:
            Empty where nothing says.
        """
        if name in cell.facts:
            return cell.facts[name]
        for axis, at in zip(self.axes, cell.place, strict=False):
            if axis.field == name:
                return axis.values[at]
        panel = self.panels[cell.panel]
        seed = "" if panel.seed is None else str(panel.seed)
        return {"prompt": panel.prompt, "seed": seed}.get(name, "")

    def is_picked(self, cell: Cell) -> bool:
        """Whether a cell is at the place that was chosen."""
        pick = self.pick
        if pick is None:
            return False
        pairs = zip((pick.x, pick.y, pick.z), (cell.x, cell.y, cell.z), strict=True)
        return all(wanted in (None, at) for wanted, at in pairs)

    @cached_property
    def _at(self) -> Mapping[Place, Cell]:
        return {cell.place: cell for cell in self.cells}


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if isfinite(number) else None
