"""What a request asks to be trained: checked as a whole, and nothing of it a path of the server."""

import json
from typing import Any

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError
from sqlalchemy.orm import Session

from sdxl_reg.catalog.access.visibility import present_viewer
from sdxl_reg.catalog.bases import MICRO
from sdxl_reg.catalog.datasets import project_of_dataset
from sdxl_reg.catalog.references import parse_reference
from sdxl_reg.catalog.training import TrainingRequest
from sdxl_reg.errors import RegistryError
from sdxl_reg.trainers.discovery import find_trainer
from sdxl_reg.trainers.remote import remote_faults
from sdxl_reg.vocabulary import Role
from sdxl_reg.web.schemas.base import SETTINGS, Document
from sdxl_reg.web.schemas.picture_requests import recorded_checkpoint


class TrainingBody(Document):
    """What shall be trained, as for `sdxl-reg train`; what is left out is at its default.

    Files of the server are not read: bases are recorded ones, and settings that name files or code
    are refused.
    """

    trainer: str = Field(description="`lora`, `embedding`, …: see `/trainers`.")
    dataset: str = Field(
        min_length=1, description="An image set to freeze, or a frozen version: `weipin@1`."
    )
    base: str = Field(default=MICRO, min_length=1, description="A recorded checkpoint.")
    name: str = Field(default="", description="Of the artifact; by default DATASET-TRAINER.")
    start: str = Field(default="", description="A version to train further: `weipin-lora@2`.")
    class_dataset: str = Field(default="", description="Pictures of the class at large.")
    mask_dataset: str = Field(default="", description="Masks, white where the loss counts.")
    settings: dict[str, Any] = Field(
        default={}, description="Of the trainer, by name: see `/trainers/{name}`."
    )

    @field_validator("trainer")
    @classmethod
    def _is_one(cls, name: str) -> str:
        try:
            return find_trainer(name).name
        except RegistryError as error:
            raise ValueError(str(error)) from error

    @field_validator("settings")
    @classmethod
    def _fit_the_trainer(cls, values: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        if "trainer" not in info.data:
            return values
        faults = {
            name: "nothing that JSON can hold"
            for name, value in values.items()
            if not _is_plain(value)
        }
        rest = {name: value for name, value in values.items() if name not in faults}
        faults |= remote_faults(find_trainer(info.data["trainer"]).config, rest)
        if faults:
            raise PydanticCustomError(SETTINGS, "settings with faults", {"faults": faults})
        return values


def training_request(session: Session, body: TrainingBody) -> TrainingRequest:
    """What a body asks for, as the catalog takes it.

    Args:
        session: Knows what is recorded.
        body: Valid.

    Raises:
        NotFound: A dataset, a base or a version is not recorded, or not seen.
        NotAllowed: The viewer is no trainer in the project of what would be frozen.
    """
    _require_trainer(session, body.dataset)
    for reference in (body.class_dataset, body.mask_dataset):
        if reference and parse_reference(reference).version is None:  # it would be frozen
            _require_trainer(session, reference)
    return TrainingRequest(
        trainer=body.trainer,
        dataset=body.dataset,
        base=recorded_checkpoint(session, body.base),
        settings=body.settings,
        name=body.name,
        start=body.start,
        class_dataset=body.class_dataset,
        mask_dataset=body.mask_dataset,
    )


def _require_trainer(session: Session, reference: str) -> None:
    project = project_of_dataset(session, reference)
    if (viewer := present_viewer()) is not None:
        viewer.require(Role.TRAINER, project)


def _is_plain(value: object) -> bool:
    """Whether a value can be kept as JSON: no NaN, nothing infinite, no half of a character."""
    try:
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except ValueError:
        return False
    return True
