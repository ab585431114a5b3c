"""The REST API, one module per noun; reading only."""

from typing import Any

from fastapi import APIRouter

from sdxl_reg.web.api import (
    artifacts,
    blobs,
    datasets,
    grids,
    image_sets,
    images,
    lineage,
    runs,
    trainers,
)
from sdxl_reg.web.schemas.base import API, Problem

_PROBLEMS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": Problem, "description": "The request cannot be answered; `remedy` says why."},
    "5XX": {"model": Problem, "description": "The registry could not answer."},
}

router = APIRouter(prefix=API, responses=_PROBLEMS)
for module in (image_sets, images, datasets, artifacts, runs, grids, lineage, trainers, blobs):
    router.include_router(module.router)
