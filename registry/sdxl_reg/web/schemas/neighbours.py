"""The pictures that are like one, as documents."""

from pydantic import Field
from sqlalchemy.orm import Session

from sdxl_reg.catalog.images import members_of_image
from sdxl_reg.catalog.near_images import near_images
from sdxl_reg.tables import Image
from sdxl_reg.web.schemas.base import Document, Sha256, url

FAR = 10
"""Bits of 64: beyond it pictures have nothing in common."""
_LIMIT = 24


class NeighbourItem(Document):
    """A picture that is like another."""

    sha256: Sha256
    distance: int = Field(description="Bits of 64 in which their perceptual hashes differ.")
    path: str = Field(description="One place where it is a member; empty without one.")
    tags: list[str] = Field(description="All its tags, wherever it is a member.")
    url: str
    thumbnail: str


class Neighbours(Document):
    """The pictures nearest to one, the nearest first."""

    items: list[NeighbourItem]
    distance: int = Field(description="How far was looked, in bits of 64.")


def neighbours_of(session: Session, image: Image) -> Neighbours:
    """The pictures nearest to one, the nearest first."""
    found = near_images(session, image, distance=FAR, limit=_LIMIT)
    return Neighbours(items=[_item(session, near, apart) for near, apart in found], distance=FAR)


def _item(session: Session, image: Image, distance: int) -> NeighbourItem:
    members = members_of_image(session, image)
    tags = {tag for member in members for tag in (member.tag_path, *member.more_tags) if tag}
    sha256 = image.blob.sha256
    return NeighbourItem(
        sha256=sha256,
        distance=distance,
        path=members[0].source_path if members else "",
        tags=sorted(tags),
        url=url("images", sha256),
        thumbnail=url("images", sha256, "thumbnail"),
    )
