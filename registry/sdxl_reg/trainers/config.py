"""The settings every trainer shares, under kohya's names where it has one.

Each field carries its description, unit, range and default: one class gives the command line's
options, the API's schema, the form on the page and the stored JSON.
"""

import re
from typing import Any, ClassVar

from pydantic import (
    AliasChoices,
    AliasPath,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
)

from sdxl_reg.errors import InvalidSettings, suggestion

SIDE_STEP = 64
"""Sides of training pictures are multiples of this many pixels."""

SMALL_BASE = 512
"""A base made for fewer pixels a side has defaults of its own, and buckets in finer steps."""


class TrainerConfig(BaseModel):
    """Settings that have the same name and meaning in every trainer."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    for_small_bases: ClassVar[dict[str, Any]] = {}
    """Defaults that take the place of the fields' on a base made for less than 512 pixels."""

    max_train_steps: int | None = Field(
        default=None, ge=1, description="Optimiser steps; when not given, max_train_epochs counts."
    )
    max_train_epochs: int = Field(default=30, ge=1, description="Passes over the dataset.")
    save_every_n_epochs: int | None = Field(
        default=None,
        ge=1,
        description="Save a version every so many epochs; by default about five in all.",
    )
    save_every_n_steps: int | None = Field(
        default=None, ge=1, description="Save a version every so many optimiser steps instead."
    )
    seed: int = Field(default=42, ge=0, lt=2**63, description="Seed of every random choice.")
    resolution: tuple[int, int] | None = Field(
        default=None,
        description="Width and height of the training pictures in pixels, multiples of 64: 1024 "
        "or 1024,768. Buckets keep their area. By default the base's own.",
    )
    train_batch_size: int = Field(default=1, ge=1, description="Pictures per step.")
    learning_rate: float = Field(
        default=1e-4,
        gt=0,
        le=10,
        description="Learning rate of the parts without one of their own.",
    )
    unet_lr: float | None = Field(
        default=None, ge=0, le=10, description="Learning rate of the U-Net."
    )
    text_encoder_lr: float | None = Field(
        default=None, ge=0, le=10, description="Learning rate of the text encoders; 0 trains none."
    )
    text_encoder_2_lr: float | None = Field(
        default=None,
        ge=0,
        le=10,
        description="Learning rate of the second text encoder; by default that of both.",
    )

    def rate_of(self, part: str) -> float:
        """The learning rate of a part of the pipeline; 0 leaves it as it is.

        Args:
            part: `unet`, `text_encoder` or `text_encoder_2`.
        """
        own = {
            "unet": (self.unet_lr,),
            "text_encoder": (self.text_encoder_lr,),
            "text_encoder_2": (self.text_encoder_2_lr, self.text_encoder_lr),
        }[part]
        return next((rate for rate in own if rate is not None), self.learning_rate)

    @field_validator("resolution", mode="before")
    @classmethod
    def _two_sides(cls, value: object) -> object:
        """One number as a square, text as kohya writes it: `1024,1024`."""
        if isinstance(value, str):
            value = [word for word in re.split(r"[\s,x×]+", value.strip()) if word]
        if isinstance(value, int | float):
            value = [value]
        return value * 2 if isinstance(value, list) and len(value) == 1 else value

    @field_validator("resolution")
    @classmethod
    def _multiples_of_64(cls, value: tuple[int, int] | None) -> tuple[int, int] | None:
        for side in value or ():
            low = side // SIDE_STEP * SIDE_STEP
            if side < SIDE_STEP or side != low:
                nearest = f"{low} and {low + SIDE_STEP}" if low else f"{SIDE_STEP}"
                raise ValueError(f"{side} is no multiple of {SIDE_STEP}; the nearest: {nearest}")
        return value


def parsed(config: type[TrainerConfig], values: dict[str, Any], *, trainer: str) -> TrainerConfig:
    """Settings checked as a whole.

    Args:
        config: The trainer's configuration class.
        values: Name → value; strings are read as the field's type.
        trainer: Name of the trainer, for the message.

    Returns:
        The frozen configuration, defaults filled in.

    Raises:
        InvalidSettings: With every fault at once; unknown names come with near ones.
    """
    try:
        return config.model_validate(values)
    except ValidationError as error:
        raise InvalidSettings(f"trainer {trainer!r}", _faults(config, error)) from None


def faults_in(config: type[TrainerConfig], values: dict[str, Any]) -> dict[str, str]:
    """Every fault of some settings: name → what is wrong; see `parsed` for the arguments."""
    try:
        config.model_validate(values)
    except ValidationError as error:
        return _faults(config, error)
    return {}


def _faults(config: type[TrainerConfig], error: ValidationError) -> dict[str, str]:
    known = names(config)
    faults = {}
    for fault in error.errors():
        name = ".".join(str(part) for part in fault["loc"]) or "settings"
        if fault["type"] == "extra_forbidden":
            faults[name] = f"no such setting. {suggestion(name, known)}"
        else:
            said = fault["msg"].removeprefix("Value error, ")
            faults[name] = f"{said} (got {fault['input']!r})"
    return faults


def with_small_base_defaults(config: type[TrainerConfig], values: dict[str, Any]) -> dict[str, Any]:
    """Settings for a small base: what a user says, and else the trainer's `for_small_bases`.

    Args:
        config: The trainer's configuration class.
        values: What the user says, under any of a setting's names.
    """
    said = {
        name
        for name, field in config.model_fields.items()
        if {name, *_aliases(field.validation_alias)} & values.keys()
    }
    return {k: v for k, v in config.for_small_bases.items() if k not in said} | values


def names(config: type[TrainerConfig]) -> list[str]:
    """Every name a setting can be given by, other programs' spellings included."""
    found: list[str] = []
    for name, field in config.model_fields.items():
        found.append(name)
        found += [other for other in _aliases(field.validation_alias) if other != name]
    return found


def spellings(config: type[TrainerConfig], name: str) -> frozenset[str]:
    """Every name of the setting that a name means, that name among them.

    Args:
        config: The trainer's configuration class.
        name: Of a setting, or another program's spelling of it.
    """
    for setting, field in config.model_fields.items():
        several = {setting, *_aliases(field.validation_alias)}
        if name in several:
            return frozenset(several)
    return frozenset({name})


def _aliases(alias: str | AliasPath | AliasChoices | None) -> list[str]:
    choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
    return [choice for choice in choices if isinstance(choice, str)]
