"""Bytes by their digest."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from sdxl_reg.catalog.access.visibility import is_blob_visible
from sdxl_reg.catalog.blobs import find_blob
from sdxl_reg.errors import NotFound
from sdxl_reg.web.dependencies import RegistryOf, SessionOf
from sdxl_reg.web.files import blob_response

router = APIRouter(prefix="/blobs", tags=["blobs"])


@router.get(
    "/{sha256}",
    summary="Bytes by their SHA-256",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}}, "description": "The bytes."}},
)
def blob(request: Request, session: SessionOf, registry: RegistryOf, sha256: str) -> Response:
    """Any recorded bytes: they never change, so they may be cached for good; ranges work."""
    found = find_blob(session, sha256)
    if not is_blob_visible(session, found):
        raise NotFound("blob", sha256, remedy="Give the whole SHA-256 of a recorded file")
    return blob_response(request, registry.store, found.sha256)
