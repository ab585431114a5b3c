"""Single images: facts, bytes, thumbnails."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from sdxl_reg.catalog.images import find_image
from sdxl_reg.imaging.thumbnails import SIDES
from sdxl_reg.web.dependencies import RegistryOf, SessionOf
from sdxl_reg.web.files import FOREVER, blob_response
from sdxl_reg.web.schemas.images import ImageDocument, image_document
from sdxl_reg.web.schemas.neighbours import Neighbours, neighbours_of
from sdxl_reg.web.thumbnails import thumbnail

router = APIRouter(prefix="/images", tags=["images"])

SideOf = Annotated[
    int, Query(ge=1, le=SIDES[-1], description="Longest side in pixels, rounded up to one we make.")
]


@router.get("/{sha256}", summary="One image")
def one(session: SessionOf, sha256: str) -> ImageDocument:
    """An image by its SHA-256 or the beginning of it: facts, places, captions, datasets."""
    return image_document(session, find_image(session, sha256))


@router.get("/{sha256}/neighbours", summary="The images nearest to one")
def near(session: SessionOf, sha256: str) -> Neighbours:
    """Images whose perceptual hash is near, with their tags; the nearest first."""
    return neighbours_of(session, find_image(session, sha256))


@router.get(
    "/{sha256}/bytes",
    summary="The bytes of an image",
    response_class=Response,
    responses={200: {"content": {"image/*": {}}, "description": "The file as it was ingested."}},
)
def content(request: Request, session: SessionOf, registry: RegistryOf, sha256: str) -> Response:
    """The file as it was ingested; formats that browsers do not show are downloaded."""
    return blob_response(request, registry.store, find_image(session, sha256).blob.sha256)


@router.get(
    "/{sha256}/thumbnail",
    summary="A small picture of an image",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}, "description": "Upright, sRGB, JPEG."}},
)
def small(session: SessionOf, registry: RegistryOf, sha256: str, size: SideOf = 256) -> Response:
    """The image upright and small, as JPEG; it is never enlarged."""
    found = find_image(session, sha256).blob.sha256
    data = thumbnail(registry.settings, registry.store, found, side=size)
    return Response(data, media_type="image/jpeg", headers={"Cache-Control": FOREVER})
