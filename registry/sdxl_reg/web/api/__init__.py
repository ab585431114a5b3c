"""The REST API, one module per noun; writing is refused to pages of other sites."""

from typing import Any

from fastapi import APIRouter, Depends

from sdxl_reg.web.api import (
    access,
    artifacts,
    blobs,
    changes,
    crops,
    datasets,
    generations,
    grid_cells,
    grid_plans,
    grids,
    image_sets,
    images,
    ingests,
    items,
    lineage,
    projects,
    reports,
    run_events,
    runs,
    storage,
    tags,
    trainers,
    uploads,
    votes,
)
from sdxl_reg.web.identity import identified
from sdxl_reg.web.repeating import repeatable
from sdxl_reg.web.same_site import require_own_site
from sdxl_reg.web.schemas.base import API, Problem
from sdxl_reg.web.texts import require_texts

_PROBLEMS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": Problem, "description": "The request cannot be answered; `remedy` says why."},
    "5XX": {"model": Problem, "description": "The registry could not answer."},
}

router = APIRouter(
    prefix=API,
    responses=_PROBLEMS,
    dependencies=[
        Depends(require_texts),
        Depends(identified),
        Depends(require_own_site),
        Depends(repeatable),
    ],
)
for module in (
    image_sets,
    reports,
    images,
    tags,
    changes,
    items,
    crops,
    datasets,
    artifacts,
    runs,
    run_events,
    grids,
    grid_cells,
    grid_plans,
    votes,
    generations,
    lineage,
    trainers,
    blobs,
    uploads,
    ingests,
    access,
    projects,
    storage,
):
    router.include_router(module.router)
