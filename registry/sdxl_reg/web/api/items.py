"""Many members of a set changed at once, each in its own way; each is told what became of it."""

from collections.abc import Callable

from fastapi import APIRouter
from sqlalchemy.orm import Session

from sdxl_reg.catalog.caption_items import write_captions
from sdxl_reg.catalog.crop_items import write_crops
from sdxl_reg.catalog.items import ItemsReport
from sdxl_reg.catalog.tag_items import write_tags
from sdxl_reg.store.database import transaction
from sdxl_reg.tables import ImageSet
from sdxl_reg.vocabulary import Role
from sdxl_reg.web.api.changes import matched_set
from sdxl_reg.web.dependencies import Registry, RegistryOf
from sdxl_reg.web.etags import IfMatchOf
from sdxl_reg.web.identity import author_of
from sdxl_reg.web.roles import needs, of_image_set
from sdxl_reg.web.schemas.items import (
    CaptionsBody,
    CropsBody,
    MembersReport,
    TagItemsBody,
    caption_items,
    crop_items,
    members_report,
    tag_items,
)

router = APIRouter(
    prefix="/image-sets/{name}",
    tags=["changes"],
    dependencies=[needs(Role.WRITER, of_image_set)],
)


@router.post("/captions", summary="Write captions, one for each image")
def captions(
    registry: RegistryOf, name: str, body: CaptionsBody, if_match: IfMatchOf = None
) -> MembersReport:
    """`{"items": [{"path": "qzy/flawed/spot/1.jpg", "text": "a white spot"}, …]}`, 10,000 at most.

    Those that can be written are, in one change; of each of the others it is said why not.
    """

    def write(session: Session, image_set: ImageSet) -> ItemsReport:
        return write_captions(
            session,
            image_set,
            caption_items(body),
            author=author_of(body.author),
            atomic=body.atomic,
        )

    return _written(registry, name, write, if_match, is_dry=body.dry_run)


@router.post("/tags/items", summary="Give and take tags, for each image its own")
def tags(
    registry: RegistryOf, name: str, body: TagItemsBody, if_match: IfMatchOf = None
) -> MembersReport:
    """`{"items": [{"member": 7, "attach": ["qzy/flawed/spot"], "detach": ["review"]}, …]}`.

    At most 10,000 items and 1,000 different tags. An item is done as a whole, or refused.
    """

    def write(session: Session, image_set: ImageSet) -> ItemsReport:
        return write_tags(
            session,
            image_set,
            tag_items(body),
            make=body.make,
            author=author_of(body.author),
            atomic=body.atomic,
        )

    return _written(registry, name, write, if_match, is_dry=body.dry_run)


@router.post("/crops", summary="Choose crops, for each image its own")
def crops(
    registry: RegistryOf, name: str, body: CropsBody, if_match: IfMatchOf = None
) -> MembersReport:
    """`{"items": [{"sha256": "…", "crop": [0.1, 0, 0.9, 1]}, …]}`, 10,000 at most."""

    def write(session: Session, image_set: ImageSet) -> ItemsReport:
        return write_crops(
            session, image_set, crop_items(body), author=author_of(body.author), atomic=body.atomic
        )

    return _written(registry, name, write, if_match, is_dry=body.dry_run)


def _written(
    registry: Registry,
    name: str,
    write: Callable[[Session, ImageSet], ItemsReport],
    if_match: str | None,
    *,
    is_dry: bool,
) -> MembersReport:
    with transaction(registry.engine) as session:
        report = members_report(write(session, matched_set(session, name, if_match)), is_dry=is_dry)
        if is_dry:
            session.rollback()
    return report
