"""Bytes by their digest."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from sdxl_reg.catalog.access.visibility import is_blob_visible
from sdxl_reg.catalog.blobs import find_blob, scan_of
from sdxl_reg.errors import NotFound
from sdxl_reg.web.dependencies import RegistryOf, SessionOf
from sdxl_reg.web.files import blob_response
from sdxl_reg.web.roles import UnsafeOf, require_safe

router = APIRouter(prefix="/blobs", tags=["blobs"])


@router.head(
    "/{sha256}",
    summary="Whether bytes are here",
    response_class=Response,
    responses={200: {"description": "They are; nothing has to be sent."}},
)
@router.get(
    "/{sha256}",
    summary="Bytes by their SHA-256",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}}, "description": "The bytes."}},
)
def blob(
    request: Request,
    session: SessionOf,
    registry: RegistryOf,
    sha256: str,
    unsafe: UnsafeOf = False,
) -> Response:
    """Any recorded bytes: they never change, so they may be cached for good; ranges work.

    What can run code in the program that opens it is refused, but to an admin who says `unsafe`.
    """
    found = find_blob(session, sha256)
    if not is_blob_visible(session, found):
        raise NotFound("blob", sha256, remedy="Give the whole SHA-256 of a recorded file")
    require_safe(scan_of(session, found), unsafe=unsafe, project=None)
    return blob_response(request, registry.store, found.sha256)
