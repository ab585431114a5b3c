"""What a grid consists of: every cell as a picture of its own, in the order of its places.

No torch here.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from sdxl_reg.errors import InvalidSettings, InvalidValue
from sdxl_reg.evaluation.axes import REPLACE, STRENGTH, VERSION
from sdxl_reg.evaluation.layout import Layout, cell_count
from sdxl_reg.jobs.pictures import AdapterUse, PictureSpec, picture_key


@dataclass(frozen=True, kw_only=True)
class PlannedCell:
    """One place of a grid, for one panel.

    Attributes:
        x: Column, from 0.
        y: Row, from 0.
        z: Page, from 0.
        panel: Number of the panel, from 0.
        version: Reference of the compared version.
        strength: Of the compared version; 0 is the base.
        picture: Everything that is asked for.
        key: Hash of everything that determines its pixels; empty before it is known.
    """

    x: int
    y: int
    z: int
    panel: int
    version: str
    strength: float
    picture: PictureSpec
    key: str = ""


def plan_cells(layout: Layout, digests: Mapping[str, str]) -> list[PlannedCell]:
    """Every cell of a grid, by panel, then page, row and column.

    At strength 0 the version does not matter: those cells share one key, and one picture.

    Args:
        layout: The grid.
        digests: Reference of every checkpoint and version that takes part → SHA-256.

    Raises:
        InvalidValue: There are too many cells, or a text to replace stands in no prompt.
        InvalidSettings: A value is out of the range of its field.
    """
    return [
        replace(cell, key=picture_key(cell.picture, digests)) for cell in _unkeyed_cells(layout)
    ]


def plan_pictures(layout: Layout) -> list[PictureSpec]:
    """What the cells of a grid are asked to be; raises as `plan_cells` does."""
    return [cell.picture for cell in _unkeyed_cells(layout)]


def _unkeyed_cells(layout: Layout) -> list[PlannedCell]:
    cell_count(layout)
    _require_replaceable(layout)
    return [
        _cell(layout, (x, y, z), panel)
        for panel in range(len(layout.panels))
        for z in range(len(layout.pages))
        for y in range(len(layout.y.values))
        for x in range(len(layout.x.values))
    ]


def replaced(prompt: str, search: str, word: str) -> str:
    """A prompt with another word in the place of one: whole words only, so 0.1 is not in 0.15."""
    return _whole_word(search).sub(lambda _: word, prompt)


def _cell(layout: Layout, place: tuple[int, int, int], panel: int) -> PlannedCell:
    x, y, z = place
    values = [layout.x.values[x], layout.y.values[y], layout.pages[z]]
    changes: dict[str, Any] = {}
    for value in values:
        changes |= {name: change for name, change in value.changes.items() if name != REPLACE}
    version = str(changes.pop(VERSION, layout.version))
    strength = float(changes.pop(STRENGTH, layout.strength))
    asked = layout.panels[panel]
    called_up = {"prompt": asked.prompt, "adapters": asked.adapters}
    fields = {**called_up, "seed": asked.seed, **changes}
    for value in values:
        if REPLACE in value.changes:
            fields["prompt"] = replaced(fields["prompt"], *value.changes[REPLACE])
    picture = _picture(layout.common, fields, AdapterUse(ref=version, strength=strength))
    return PlannedCell(
        x=x,
        y=y,
        z=z,
        panel=panel,
        version=version,
        strength=strength,
        picture=picture,
    )


def _picture(common: PictureSpec, fields: Mapping[str, Any], use: AdapterUse) -> PictureSpec:
    known = {name: getattr(common, name) for name in PictureSpec.model_fields}
    try:
        return PictureSpec.model_validate(
            {**known, **fields, "adapters": (*fields["adapters"], use)}
        )
    except ValidationError as error:
        faults = {
            str(fault["loc"][0] if fault["loc"] else "picture"): f"{fault['msg']}"
            f" (not {fault['input']!r})"
            for fault in error.errors()
        }
        raise InvalidSettings("a grid", faults) from None


def _require_replaceable(layout: Layout) -> None:
    """Refuse to look for a text that no prompt has: all its values would give one picture."""
    prompts = [panel.prompt for panel in layout.panels]
    prompts += [
        value.changes["prompt"]
        for axis in layout.axes
        for value in axis.values
        if "prompt" in value.changes
    ]
    for axis in layout.axes:
        for search in {
            value.changes[REPLACE][0] for value in axis.values if REPLACE in value.changes
        }:
            if not any(_whole_word(search).search(prompt) for prompt in prompts):
                raise InvalidValue(
                    "no prompt has the text to replace",
                    repr(search),
                    remedy=f"The prompts: {'; '.join(prompts[:3])}",
                )


def _whole_word(text: str) -> re.Pattern[str]:
    before = r"(?<![\w.])" if re.match(r"\w", text) else ""
    after = r"(?!\w|\.\d)" if re.search(r"\w$", text) else ""
    return re.compile(f"{before}{re.escape(text)}{after}")
