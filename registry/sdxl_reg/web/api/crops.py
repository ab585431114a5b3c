"""Crops of a set taken away, and what is behind transparency; chosen they are in `items`."""

from fastapi import APIRouter
from sqlalchemy import select

from sdxl_reg.catalog.crops import clear_crops, set_background
from sdxl_reg.catalog.images import member_ids
from sdxl_reg.store.database import transaction
from sdxl_reg.tables import Crop
from sdxl_reg.vocabulary import Role
from sdxl_reg.web.api.changes import chosen_members, matched_set
from sdxl_reg.web.dependencies import RegistryOf
from sdxl_reg.web.etags import IfMatchOf
from sdxl_reg.web.identity import author_of
from sdxl_reg.web.roles import needs, of_image_set
from sdxl_reg.web.schemas.changes import (
    BackgroundBody,
    ChangeReport,
    ClearCropsBody,
    change_item,
)

router = APIRouter(
    prefix="/image-sets/{name}",
    tags=["changes"],
    dependencies=[needs(Role.WRITER, of_image_set)],
)


@router.post("/crops/clear", summary="Take crops away")
def clear(
    registry: RegistryOf, name: str, body: ClearCropsBody, if_match: IfMatchOf = None
) -> ChangeReport:
    """Of all that are meant, as one change; those without a crop stay as they are."""
    with transaction(registry.engine) as session:
        image_set = matched_set(session, name, if_match)
        chosen = chosen_members(session, image_set, body.which)
        if isinstance(chosen, str):
            ids = member_ids(session, image_set, selector=chosen)
            cropped = select(Crop.member_id).where(Crop.member_id.in_(ids))
            chosen = session.scalars(cropped).all()
        change = clear_crops(session, image_set, chosen, author=author_of(body.author))
        if change is None:
            return ChangeReport(changed=0, summary="None of them has a crop", change=None)
        return ChangeReport(changed=None, summary=change.summary, change=change_item(change))


@router.post("/background", summary="Choose the colour behind transparency")
def background(
    registry: RegistryOf, name: str, body: BackgroundBody, if_match: IfMatchOf = None
) -> ChangeReport:
    """Datasets that are frozen from now on train and export with it; earlier ones keep theirs."""
    with transaction(registry.engine) as session:
        image_set = matched_set(session, name, if_match)
        change = set_background(session, image_set, body.colour, author=author_of(body.author))
        if change is None:
            return ChangeReport(changed=0, summary="It is the colour already", change=None)
        return ChangeReport(changed=None, summary=change.summary, change=change_item(change))
