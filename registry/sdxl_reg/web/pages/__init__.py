"""The web pages, one module per noun, rendered on the server; they show the API's documents."""

from fastapi import APIRouter, Depends

from sdxl_reg.web.identity import identified
from sdxl_reg.web.pages import (
    access,
    api,
    artifacts,
    comparing,
    datasets,
    freezing,
    generations,
    grids,
    home,
    image_sets,
    images,
    ingests,
    lineage,
    reports,
    runs,
    storage,
    tags,
    training,
    votes,
)
from sdxl_reg.web.texts import require_texts

router = APIRouter(
    include_in_schema=False, dependencies=[Depends(require_texts), Depends(identified)]
)
for module in (
    home,
    image_sets,
    training,
    freezing,
    tags,
    reports,
    images,
    ingests,
    datasets,
    artifacts,
    comparing,
    grids,
    votes,
    generations,
    runs,
    lineage,
    api,
    access,
    storage,
):
    router.include_router(module.router)
