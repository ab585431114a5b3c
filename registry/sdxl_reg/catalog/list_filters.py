"""Filters of lists, in the language of selectors: `kind:lora AND NOT test* AND epoch:>3`.

Each list has its own fields, and takes no others. A word without a field is a glob on the name.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, not_, or_, select, true
from sqlalchemy.orm import aliased

from sdxl_reg.catalog.selectors import And, Fact, Not, Or, Selector, Term, parse_selector
from sdxl_reg.errors import InvalidValue, UnknownName
from sdxl_reg.imaging.names import name_key
from sdxl_reg.tables import (
    Artifact,
    ArtifactVersion,
    CellScore,
    Dataset,
    DatasetVersion,
    GeneratedPicture,
    Generation,
    Grid,
    GridCell,
    ImageSet,
    LineageEvent,
    Run,
    Tag,
    TagClosure,
)
from sdxl_reg.vocabulary import ArtifactKind, Direction, RunKind, RunState, VersionState

_COMPARISON = re.compile(r"(>=|<=|>|<|=|)\s*(\S+)")
_COMPARED: Mapping[str, Callable[[Any, Any], Any]] = {
    "": lambda column, value: column == value,
    "=": lambda column, value: column == value,
    ">": lambda column, value: column > value,
    ">=": lambda column, value: column >= value,
    "<": lambda column, value: column < value,
    "<=": lambda column, value: column <= value,
}
_LARGEST = 1 << 63


@dataclass(frozen=True)
class ListField:
    """What a list may be asked for.

    Attributes:
        meaning: For people.
        condition: From what stands behind the colon to a condition on the rows.
    """

    meaning: str
    condition: Callable[[str], ColumnElement[bool]]


def filtered(text: str, fields: Mapping[str, ListField], *, name: str) -> ColumnElement[bool]:
    """The condition that a filter means.

    Args:
        text: As it was written; empty for everything.
        fields: Those of the list.
        name: The field that a word without one is about.

    Raises:
        InvalidValue: It is of the wrong form, or a value is.
        UnknownName: It asks for another field, or for a word that a field does not know.
    """
    return _condition(parse_selector(text, fields=fields.keys()), fields, name) if text else true()


def _condition(
    selector: Selector, fields: Mapping[str, ListField], name: str
) -> ColumnElement[bool]:
    match selector:
        case Not(inner):
            return not_(_condition(inner, fields, name))
        case And(parts):
            return and_(*(_condition(part, fields, name) for part in parts))
        case Or(parts):
            return or_(*(_condition(part, fields, name) for part in parts))
        case Term(glob):
            return fields[name].condition(glob)
        case Fact(field, value):
            return fields[field].condition(value)


def _glob(column: Any, *, key: Callable[[str], str] = str) -> Callable[[str], ColumnElement[bool]]:
    """`*` and `?` in text, whatever the case."""

    def condition(value: str) -> ColumnElement[bool]:
        escaped = re.sub(r"([\\%_])", r"\\\1", key(value))
        pattern = escaped.replace("*", "%").replace("?", "_")
        found: ColumnElement[bool] = column.ilike(pattern, escape="\\")
        return found

    return condition


def _word(column: Any, words: type[StrEnum]) -> Callable[[str], ColumnElement[bool]]:
    def condition(value: str) -> ColumnElement[bool]:
        known = {word.value: word for word in words}
        if value.casefold() not in known:
            raise UnknownName(column.key, value, known)
        found: ColumnElement[bool] = column == known[value.casefold()]
        return found

    return condition


def _via(
    column: Any, found: Select[Any], condition: Callable[[str], ColumnElement[bool]]
) -> Callable[[str], ColumnElement[bool]]:
    """What another table says of a row.

    Args:
        column: Of the row, that leads there.
        found: What stands in that column, for rows of the other table.
        condition: On the other table.
    """

    def through(value: str) -> ColumnElement[bool]:
        there: ColumnElement[bool] = column.in_(found.where(condition(value)))
        return there

    return through


def _number(column: Any) -> Callable[[str], ColumnElement[bool]]:
    def condition(value: str) -> ColumnElement[bool]:
        sign, said = _compared(value, "a number: >=3, <0.1")
        try:
            number = float(said)
        except ValueError:
            raise _fault(value, "a number: >=3, <0.1") from None
        if not abs(number) < _LARGEST:
            raise _fault(value, "a number that can be counted to")
        found: ColumnElement[bool] = _COMPARED[sign](column, number)
        return found

    return condition


def _score(value: str) -> ColumnElement[bool]:
    """A metric and a number: the cells that some scorer gave such a score."""
    wanted = "a metric and a number: fidelity>0.4, kid<=0.1"
    found = re.match(r"[\w-]+", value)
    sign, _ = _compared(value[found.end() :], wanted) if found else ("", "")
    if found is None or not sign:
        raise _fault(value, wanted)
    scored = select(CellScore.cell_id).where(
        CellScore.metric == found[0].casefold(), _number(CellScore.value)(value[found.end() :])
    )
    cells: ColumnElement[bool] = GridCell.id.in_(scored)
    return cells


def _under(path: str) -> ColumnElement[bool]:
    root = aliased(Tag)
    below = (
        select(TagClosure.descendant_id)
        .join(root, root.id == TagClosure.ancestor_id)
        .where(func.lower(root.path) == path.strip("/").lower())
    )
    found: ColumnElement[bool] = Tag.id.in_(below)
    return found


def _cell_state(value: str) -> ColumnElement[bool]:
    is_drawn = GridCell.blob_id.is_not(None)
    states: Mapping[str, ColumnElement[bool]] = {
        "drawn": is_drawn,
        "failed": and_(not_(is_drawn), GridCell.reason != ""),
        "missing": and_(not_(is_drawn), GridCell.reason == ""),
    }
    if value.casefold() not in states:
        raise UnknownName("state", value, states)
    return states[value.casefold()]


def _moment(column: Any) -> Callable[[str], ColumnElement[bool]]:
    """A day, or a moment; without a sign, all of that day."""
    wanted = "a day or a moment: >=2026-11-01, <2026-11-28T12:00"

    def condition(value: str) -> ColumnElement[bool]:
        sign, said = _compared(value, wanted)
        try:
            moment = datetime.fromisoformat(said)
            moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
            end = moment + timedelta(days=1)
        except (ValueError, OverflowError):
            raise _fault(value, wanted) from None
        if sign in ("", "=") and len(said) == len("2026-11-01"):
            return and_(column >= moment, column < end)
        found: ColumnElement[bool] = _COMPARED[sign](column, moment)
        return found

    return condition


def _compared(value: str, wanted: str) -> tuple[str, str]:
    found = _COMPARISON.fullmatch(value)
    if found is None:
        raise _fault(value, wanted)
    return found[1], found[2]


def _fault(value: str, wanted: str) -> InvalidValue:
    return InvalidValue("in a filter", value, remedy=f"Write {wanted}")


ARTIFACT_FIELDS: Mapping[str, ListField] = {
    "name": ListField("glob: weipin*", _glob(Artifact.name_key, key=name_key)),
    "kind": ListField("checkpoint, embedding, lora, …", _word(Artifact.kind, ArtifactKind)),
    "project": ListField("glob", _glob(Artifact.project)),
    "created": ListField("a day or a moment", _moment(Artifact.created_at)),
}
VERSION_FIELDS: Mapping[str, ListField] = {
    "version": ListField("number: >=3", _number(ArtifactVersion.version)),
    "state": ListField("ready or yanked", _word(ArtifactVersion.state, VersionState)),
    "epoch": ListField("number", _number(ArtifactVersion.epoch)),
    "step": ListField("number", _number(ArtifactVersion.step)),
    "loss": ListField("number: <0.1", _number(ArtifactVersion.loss)),
    "trainer": ListField("glob", _glob(ArtifactVersion.trainer)),
    "sha256": ListField("glob: 245ef1*", _glob(ArtifactVersion.digest)),
    "created": ListField("a day or a moment", _moment(ArtifactVersion.created_at)),
}
IMAGE_SET_FIELDS: Mapping[str, ListField] = {
    "name": ListField("glob: weipin*", _glob(ImageSet.name_key, key=name_key)),
    "layout": ListField("glob: brand/*", _glob(ImageSet.layout)),
    "project": ListField("glob", _glob(ImageSet.project)),
    "created": ListField("a day or a moment", _moment(ImageSet.created_at)),
}
DATASET_FIELDS: Mapping[str, ListField] = {
    "name": ListField("glob: weipin*", _glob(Dataset.name_key, key=name_key)),
    "set": ListField("glob on the image set", _glob(ImageSet.name_key, key=name_key)),
    "version": ListField("number: >=3", _number(DatasetVersion.version)),
    "images": ListField("number: <100", _number(DatasetVersion.image_count)),
    "sha256": ListField("glob: 245ef1*", _glob(DatasetVersion.digest)),
    "project": ListField("glob", _glob(ImageSet.project)),
    "created": ListField("a day or a moment", _moment(DatasetVersion.created_at)),
}
"""Of versions joined with their datasets and image sets."""
RUN_FIELDS: Mapping[str, ListField] = {
    "title": ListField("glob: *weipin*", _glob(Run.title)),
    "kind": ListField("train, grid, generate, …", _word(Run.kind, RunKind)),
    "state": ListField("queued, running, failed, …", _word(Run.state, RunState)),
    "trainer": ListField("glob", _glob(Run.trainer)),
    "project": ListField("glob", _glob(Run.project)),
    "created": ListField("a day or a moment", _moment(Run.created_at)),
}
GRID_FIELDS: Mapping[str, ListField] = {
    "artifact": ListField(
        "glob: weipin*",
        _via(Grid.artifact_id, select(Artifact.id), _glob(Artifact.name_key, key=name_key)),
    ),
    "state": ListField(
        "queued, running, succeeded, …",
        _via(Grid.run_id, select(Run.id), _word(Run.state, RunState)),
    ),
    "version": ListField(
        "number of the version that was picked: >=3",
        _via(Grid.best_version_id, select(ArtifactVersion.id), _number(ArtifactVersion.version)),
    ),
    "strength": ListField("of the pick: <=0.8", _number(Grid.best_strength)),
    "project": ListField(
        "glob", _via(Grid.artifact_id, select(Artifact.id), _glob(Artifact.project))
    ),
    "created": ListField("a day or a moment", _moment(Grid.created_at)),
}
TAG_FIELDS: Mapping[str, ListField] = {
    "path": ListField("glob: qzy/flawed/*", _glob(Tag.path)),
    "under": ListField("path of a tag, and all below it: qzy/flawed", _under),
    "level": ListField("glob: brand", _glob(Tag.level)),
    "depth": ListField("number, 0 at the root: >=1", _number(Tag.depth)),
}
CELL_FIELDS: Mapping[str, ListField] = {
    "prompt": ListField("glob: *mug*", _glob(GridCell.prompt)),
    "version": ListField(
        "number: >=3",
        _via(GridCell.version_id, select(ArtifactVersion.id), _number(ArtifactVersion.version)),
    ),
    "strength": ListField("of that version: <=0.8", _number(GridCell.strength)),
    "seed": ListField("number", _number(GridCell.seed)),
    "state": ListField("drawn, failed or missing", _cell_state),
    "score": ListField("a metric and a number: fidelity>0.4", _score),
}
_TAKEN = (
    select(LineageEvent.run_id)
    .join(ArtifactVersion, ArtifactVersion.node_id == LineageEvent.node_id)
    .join(Artifact, Artifact.id == ArtifactVersion.artifact_id)
    .where(LineageEvent.direction == Direction.INPUT)
)
"""The runs that took versions of artifacts."""
GENERATION_FIELDS: Mapping[str, ListField] = {
    "prompt": ListField(
        "glob: *mug*",
        _via(
            Generation.id,
            select(GeneratedPicture.generation_id),
            _glob(GeneratedPicture.picture["prompt"].as_string()),
        ),
    ),
    "artifact": ListField(
        "glob, of what they were drawn with or on: weipin*",
        _via(Generation.run_id, _TAKEN, _glob(Artifact.name_key, key=name_key)),
    ),
    "state": ListField(
        "queued, running, succeeded, …",
        _via(Generation.run_id, select(Run.id), _word(Run.state, RunState)),
    ),
    "project": ListField("glob", _via(Generation.run_id, select(Run.id), _glob(Run.project))),
    "created": ListField("a day or a moment", _moment(Generation.created_at)),
}
