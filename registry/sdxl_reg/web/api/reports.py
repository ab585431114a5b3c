"""Reports on an image set: quality, balance, likeness, captions."""

from fastapi import APIRouter

from sdxl_reg.catalog.images import find_image_set
from sdxl_reg.web import reports
from sdxl_reg.web.dependencies import SessionOf
from sdxl_reg.web.schemas.reports import (
    BalanceDocument,
    CaptionStatisticsDocument,
    LikenessDocument,
    QualityDocument,
)

router = APIRouter(prefix="/image-sets/{name}/report", tags=["image sets"])


@router.get("/quality", summary="How fit the pictures of a set are")
def quality(session: SessionOf, name: str) -> QualityDocument:
    """Spread of sharpness, brightness, contrast and size; flags with their worst pictures."""
    return reports.quality_of(session, find_image_set(session, name))


@router.get("/balance", summary="How even the tags of a set are")
def balance(session: SessionOf, name: str) -> BalanceDocument:
    """Pictures of each value of each level, with the repeats that would even them out."""
    return reports.balance_of(session, find_image_set(session, name))


@router.get("/likeness", summary="What of a set is the same or nearly so")
def likeness(session: SessionOf, name: str) -> LikenessDocument:
    """Clusters of duplicates, and those whose tags contradict each other."""
    return reports.likeness_of(session, find_image_set(session, name))


@router.get("/captions", summary="The captions of a set in numbers")
def captions(session: SessionOf, name: str) -> CaptionStatisticsDocument:
    """Lengths in CLIP tokens, captions that are cut off, and the most frequent words."""
    return reports.captions_of(session, find_image_set(session, name))
