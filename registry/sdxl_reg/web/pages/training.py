"""The form that trains on an image set: trainer, base, name and settings."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from sdxl_reg.catalog.artifacts import artifacts
from sdxl_reg.catalog.bases import MICRO
from sdxl_reg.catalog.datasets import find_dataset_version, version_ref
from sdxl_reg.catalog.images import find_image_set
from sdxl_reg.errors import NotFound
from sdxl_reg.trainers.discovery import all_trainers, find_trainer
from sdxl_reg.vocabulary import ArtifactKind, Role
from sdxl_reg.web.dependencies import SessionOf
from sdxl_reg.web.roles import needs, of_image_set
from sdxl_reg.web.setting_fields import common_fields, other_fields
from sdxl_reg.web.templating import render

router = APIRouter(prefix="/image-sets")

_USUAL = "lora"


@router.get("/{name}/train", dependencies=[needs(Role.TRAINER, of_image_set)])
def form(
    request: Request,
    session: SessionOf,
    name: str,
    trainer: Annotated[str, Query()] = _USUAL,
    dataset: Annotated[str, Query()] = "",
) -> Response:
    """The settings of a trainer, few first; `dataset` names a frozen version instead of the set.

    Raises:
        NotFound: No such set or version, or the version is of another set.
    """
    image_set = find_image_set(session, name)
    chosen = find_trainer(trainer)
    data = image_set.name
    if dataset:
        version = find_dataset_version(session, dataset)
        if version.dataset.image_set_id != image_set.id:
            raise NotFound("dataset", dataset, remedy=f"It is not of {image_set.name}")
        data = version_ref(version)
    known = artifacts(session)
    bases = [found.name for found in known if found.kind == ArtifactKind.CHECKPOINT]
    facts = {
        "set": image_set.name,
        "dataset": data,
        "is_frozen": bool(dataset),
        "trainer": chosen,
        "trainers": all_trainers()[0],
        "bases": [MICRO, *(base for base in bases if base != MICRO)],
        "wanted": f"{data.partition('@')[0]}-{chosen.name}",
        "common": common_fields(chosen.config),
        "groups": other_fields(chosen.config),
    }
    return render(request, "train.html", facts)
