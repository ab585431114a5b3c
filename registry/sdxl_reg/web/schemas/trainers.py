"""Trainers as documents."""

import functools
from typing import Any

from pydantic import BaseModel, Field

from sdxl_reg.plugins import BrokenPlugin
from sdxl_reg.trainers.interface import Trainer
from sdxl_reg.vocabulary import ArtifactKind
from sdxl_reg.web.schemas.base import Document


class TrainerItem(Document):
    """A trainer."""

    name: str = Field(description="What commands call it: `lora`.")
    kind: ArtifactKind | None = Field(description="What it makes; null for one that is broken.")
    summary: str
    settings: dict[str, Any] = Field(description="JSON schema of its settings.")
    fault: str = Field(description="Why it cannot be used; empty for one that can.")


def trainer_item(trainer: Trainer) -> TrainerItem:
    """A trainer that works."""
    return TrainerItem(
        name=trainer.name,
        kind=trainer.kind,
        summary=trainer.summary,
        settings=_schema_of(trainer.config),
        fault="",
    )


@functools.cache
def _schema_of(config: type[BaseModel]) -> dict[str, Any]:
    """Made once for each trainer: it takes ten milliseconds."""
    return config.model_json_schema()


def broken_item(trainer: BrokenPlugin) -> TrainerItem:
    """A registered trainer that does not load."""
    return TrainerItem(name=trainer.name, kind=None, summary="", settings={}, fault=trainer.reason)
