"""The settings of a trainer as the fields of a form, made of its configuration."""

import types
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from sdxl_reg.trainers.config import TrainerConfig
from sdxl_reg.trainers.remote import remote_settings
from sdxl_reg.trainers.settings import (
    DataSettings,
    ObjectiveSettings,
    OptimizerSettings,
    OutputSettings,
)

Kind = Literal["number", "whole", "text", "choice", "switch", "lines", "table"]

_COMMON = (
    *("max_train_epochs", "max_train_steps", "learning_rate", "train_batch_size", "resolution"),
    *("algorithm", "rank", "alpha", "num_vectors", "init_word", "layer_structure"),
    *("ema_decay", "mixed_precision", "seed", "sample_prompts"),
)
"""What people set most; of those a trainer has, in this order."""
_GROUPS: tuple[tuple[str, type[Any]], ...] = (
    ("Pictures and captions", DataSettings),
    ("Objective", ObjectiveSettings),
    ("Optimiser", OptimizerSettings),
    ("Output and measuring", OutputSettings),
    ("Length and rates", TrainerConfig),
)
_OWN = "Of this trainer"
_FAR = 1e6


@dataclass(frozen=True, kw_only=True)
class SettingField:
    """A setting as a field of a form.

    Attributes:
        name: As the trainer calls it.
        kind: Of input.
        help: What it means.
        default: What counts where it is left empty, in words.
        choices: Of a choice.
        least: The least number that is allowed.
        most: The greatest.
    """

    name: str
    kind: Kind
    help: str
    default: str
    choices: Sequence[str] = ()
    least: float | None = None
    most: float | None = None

    @property
    def range(self) -> str:
        """Between which numbers it lies, in words; empty where one end is open, or far off."""
        if self.least is None or self.most is None or self.most > _FAR:
            return ""
        return f"{self.least:g} to {self.most:g}"

    @property
    def label(self) -> str:
        """Its name in words."""
        return self.name.replace("_", " ")


@dataclass(frozen=True, kw_only=True)
class FieldGroup:
    """Fields that belong together.

    Attributes:
        title: What they are about.
        fields: In their order.
    """

    title: str
    fields: Sequence[SettingField]


def common_fields(config: type[TrainerConfig]) -> list[SettingField]:
    """The few settings that people set most."""
    offered = remote_settings(config)
    return [_field(config, name) for name in _COMMON if name in offered]


def other_fields(config: type[TrainerConfig]) -> list[FieldGroup]:
    """All others that a request may give, by what they are about."""
    groups: dict[str, list[SettingField]] = {title: [] for title in (_OWN, *dict(_GROUPS))}
    for name in remote_settings(config):
        if name not in _COMMON:
            groups[_group_of(name)].append(_field(config, name))
    return [FieldGroup(title=title, fields=fields) for title, fields in groups.items() if fields]


def _group_of(name: str) -> str:
    return next((title for title, part in _GROUPS if name in part.model_fields), _OWN)


def _field(config: type[TrainerConfig], name: str) -> SettingField:
    found = config.model_fields[name]
    kind, choices = _kind_of(found.annotation)
    least, most = _limits(found)
    return SettingField(
        name=name,
        kind=kind,
        help=found.description or "",
        default=_default_words(config, name),
        choices=choices,
        least=least,
        most=most,
    )


def _kind_of(annotation: Any) -> tuple[Kind, Sequence[str]]:
    options = [annotation]
    if get_origin(annotation) in (Union, types.UnionType):
        options = [part for part in get_args(annotation) if part is not type(None)]
    only = options[0]
    if get_origin(only) is Literal:
        return "choice", [str(word) for word in get_args(only)]
    if get_origin(only) is list:
        return "lines", ()
    if get_origin(only) is dict:
        return "table", ()
    kinds: dict[Any, Kind] = {bool: "switch", int: "whole", float: "number"}
    return kinds.get(only, "text"), ()


def _limits(found: FieldInfo) -> tuple[float | None, float | None]:
    def said(*names: str) -> float | None:
        values = (getattr(rule, name, None) for rule in found.metadata for name in names)
        return next((value for value in values if value is not None), None)

    return said("ge", "gt"), said("le", "lt")


def _default_words(config: type[TrainerConfig], name: str) -> str:
    said = _words(config.model_fields[name].default)
    small = config.for_small_bases
    return f"{said} (small base: {_words(small[name])})" if name in small else said


def _words(value: object) -> str:
    if value in (None, "", [], {}):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
