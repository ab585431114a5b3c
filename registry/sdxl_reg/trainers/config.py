"""The settings every trainer shares, under kohya's names where it has one.

Each field carries its description, unit, range and default: one class gives the command line's
options, the API's schema, the form on the page and the stored JSON.
"""

from typing import Any

from pydantic import AliasChoices, AliasPath, BaseModel, ConfigDict, Field, ValidationError

from sdxl_reg.errors import InvalidSettings, suggestion


class TrainerConfig(BaseModel):
    """Settings that have the same name and meaning in every trainer."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    max_train_steps: int | None = Field(
        default=None, ge=1, description="Optimiser steps; when not given, max_train_epochs counts."
    )
    max_train_epochs: int = Field(default=5, ge=1, description="Passes over the dataset.")
    save_every_n_epochs: int | None = Field(
        default=None, ge=1, description="Save a version every so many epochs; by default each one."
    )
    save_every_n_steps: int | None = Field(
        default=None, ge=1, description="Save a version every so many optimiser steps instead."
    )
    seed: int = Field(default=42, ge=0, lt=2**63, description="Seed of every random choice.")
    resolution: int | None = Field(
        default=None,
        ge=64,
        multiple_of=32,
        description="Side of the training pictures in pixels; by default the base's own.",
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
        known = names(config)
        faults = {}
        for fault in error.errors():
            name = ".".join(str(part) for part in fault["loc"]) or "settings"
            if fault["type"] == "extra_forbidden":
                faults[name] = f"no such setting. {suggestion(name, known)}"
            else:
                faults[name] = f"{fault['msg']} (got {fault['input']!r})"
        raise InvalidSettings(f"trainer {trainer!r}", faults) from None


def names(config: type[TrainerConfig]) -> list[str]:
    """Every name a setting can be given by, other programs' spellings included."""
    found: list[str] = []
    for name, field in config.model_fields.items():
        found.append(name)
        found += [other for other in _aliases(field.validation_alias) if other != name]
    return found


def _aliases(alias: str | AliasPath | AliasChoices | None) -> list[str]:
    choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
    return [choice for choice in choices if isinstance(choice, str)]
