"""The layout of a grid: its axes, its panels, and what all its pictures share. No torch here."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import prod
from typing import Any

from sdxl_reg.errors import InvalidValue
from sdxl_reg.evaluation.axes import Axis, Value
from sdxl_reg.jobs.pictures import AdapterUse, PictureSpec

MAX_CELLS = 20_000


@dataclass(frozen=True, kw_only=True)
class Panel:
    """What is drawn at every place of a grid: a prompt from one noise.

    Attributes:
        prompt: As the encoders read it.
        seed: Of the noise.
        adapters: What the prompt calls up besides what is compared.
    """

    prompt: str
    seed: int
    adapters: Sequence[AdapterUse] = ()


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A grid before it is cut into cells.

    Attributes:
        common: What all cells share; prompt, seed and adapters are set cell by cell.
        panels: Drawn at every place.
        x: Columns.
        y: Rows.
        z: Pages; none for a single one.
        version: Reference of what is compared, where no axis says it.
        strength: Of what is compared, where no axis says it.
    """

    common: PictureSpec
    panels: Sequence[Panel]
    x: Axis
    y: Axis
    z: Axis | None
    version: str
    strength: float

    @property
    def pages(self) -> Sequence[Value]:
        """The values of z, or the single one that changes nothing."""
        return self.z.values if self.z else [Value(label="", changes={})]

    @property
    def axes(self) -> list[Axis]:
        """Columns, rows and, where there are any, pages."""
        return [axis for axis in (self.x, self.y, self.z) if axis]

    def as_document(self) -> dict[str, Any]:
        """The layout as JSON."""
        return {
            "common": self.common.as_document(),
            "panels": [
                {
                    "prompt": panel.prompt,
                    "seed": panel.seed,
                    "adapters": [use.model_dump(mode="json") for use in panel.adapters],
                }
                for panel in self.panels
            ],
            "axes": {name: _axis_document(axis) for name, axis in self._named().items()},
            "version": self.version,
            "strength": self.strength,
        }

    def _named(self) -> dict[str, Axis | None]:
        return {"x": self.x, "y": self.y, "z": self.z}


def read_layout(document: Mapping[str, Any]) -> Layout:
    """A layout from its JSON.

    Args:
        document: From `Layout.as_document`.

    Raises:
        InvalidValue: It has no columns or no rows.
    """
    axes = {name: _axis(said) if said else None for name, said in document["axes"].items()}
    x, y = axes["x"], axes["y"]
    if x is None or y is None:
        raise InvalidValue("a grid without columns or rows", axes, remedy="It is damaged")
    return Layout(
        common=PictureSpec.model_validate(document["common"]),
        panels=[
            Panel(
                prompt=panel["prompt"],
                seed=panel["seed"],
                adapters=[AdapterUse.model_validate(use) for use in panel.get("adapters", [])],
            )
            for panel in document["panels"]
        ],
        x=x,
        y=y,
        z=axes["z"],
        version=document["version"],
        strength=document["strength"],
    )


def described(layout: Layout) -> str:
    """The axes in words: `5 versions x 11 strengths x 3 steps`."""
    axes = [axis for axis in (layout.y, layout.x, layout.z) if axis]
    return " x ".join(
        f"{len(axis.values)} {plural(axis.field) if len(axis.values) > 1 else axis.field}"
        for axis in axes
    )


def plural(field: str) -> str:
    """A field's name for several of its values: `versions`, `steps`, `other words for spot`."""
    name, _, search = field.partition(":")
    if search:
        return f"other words for {search}"
    return name if name.endswith("s") or name in ("cfg", "switch-at") else f"{name}s"


def cell_count(layout: Layout) -> int:
    """How many cells a grid has.

    Raises:
        InvalidValue: More than `MAX_CELLS`.
    """
    sides = [len(layout.x.values), len(layout.y.values), len(layout.pages), len(layout.panels)]
    count = prod(sides)
    if count > MAX_CELLS:
        raise InvalidValue(
            "too many cells",
            f"{' x '.join(f'{side:,}' for side in sides)} = {count:,}",
            remedy=f"A grid has at most {MAX_CELLS:,}; take fewer values or a wider step",
        )
    return count


def _axis_document(axis: Axis | None) -> dict[str, Any] | None:
    if axis is None:
        return None
    return {"field": axis.field, "values": [asdict(value) for value in axis.values]}


def _axis(said: Mapping[str, Any]) -> Axis:
    return Axis(field=said["field"], values=[Value(**value) for value in said["values"]])
