"""Uploads: a file is announced, sent in pieces that can be resumed, and checked.

The headers of a piece are those of tus 1.0 (https://tus.io/protocols/resumable-upload):
`Upload-Offset` says where it begins, and in the answer where the next one does.
"""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from sdxl_reg.catalog.access.visibility import present_viewer
from sdxl_reg.catalog.references import MAIN
from sdxl_reg.catalog.uploads import (
    appending,
    begin_upload,
    complete_upload,
    find_upload,
    forget_upload,
    uploads_of,
)
from sdxl_reg.errors import InvalidValue
from sdxl_reg.store.database import reading, transaction
from sdxl_reg.tables import Upload
from sdxl_reg.vocabulary import Role
from sdxl_reg.web.bodies import portions_of
from sdxl_reg.web.dependencies import Registry, RegistryOf, SessionOf
from sdxl_reg.web.roles import needs
from sdxl_reg.web.same_site import PIECE
from sdxl_reg.web.schemas.base import Sha256
from sdxl_reg.web.schemas.uploads import UploadBody, UploadDocument, UploadList, upload_document

router = APIRouter(prefix="/uploads", tags=["uploads"], dependencies=[needs(Role.WRITER)])
_OFFSET = "Upload-Offset"
_OffsetOf = Annotated[
    int, Header(alias=_OFFSET, ge=0, le=1 << 62, description="Where the piece begins.")
]


@router.get("", summary="List your uploads")
def listed(
    session: SessionOf,
    registry: RegistryOf,
    sha256: Annotated[Sha256 | None, Query(description="Only those of these bytes.")] = None,
) -> UploadList:
    """Those that you have sent, newest first: one that is `open` can be gone on with."""
    found = uploads_of(session, sha256 or "")
    return UploadList(items=[upload_document(registry.store, upload) for upload in found])


@router.post("", summary="Announce a file", status_code=HTTPStatus.CREATED)
def begin(response: Response, registry: RegistryOf, body: UploadBody) -> UploadDocument:
    """Answers with the address to which its bytes are sent (`Location`).

    Ask first with HEAD at `/blobs/{sha256}` whether the registry has these bytes already.
    """
    viewer = present_viewer()
    project = viewer.project_for(body.project, Role.WRITER) if viewer else body.project or MAIN
    with transaction(registry.engine) as session:
        upload = begin_upload(
            session,
            registry.store,
            name=body.name,
            sha256=body.sha256,
            size_bytes=body.size_bytes,
            project=project,
        )
    document = upload_document(registry.store, upload)
    response.headers["Location"] = document.url
    return document


@router.get("/{key}", summary="How far an upload is")
def one(session: SessionOf, registry: RegistryOf, key: str) -> UploadDocument:
    """Where the next piece begins (`received_bytes`), and what the scan said once it is checked."""
    return upload_document(registry.store, find_upload(session, key))


@router.patch(
    "/{key}",
    summary="Send a piece",
    status_code=HTTPStatus.NO_CONTENT,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {PIECE: {"schema": {"type": "string", "format": "binary"}}},
        }
    },
    response_class=Response,
    responses={204: {"headers": {_OFFSET: {"schema": {"type": "integer"}}}}},
)
async def append(
    request: Request, registry: RegistryOf, key: str, upload_offset: _OffsetOf
) -> Response:
    """The bytes from `Upload-Offset` on; the answer says where the next piece begins.

    A connection that breaks loses nothing that arrived: ask how far it is, and go on from there.
    409 says that the piece does not begin where the file ends.
    """
    upload = await run_in_threadpool(_found, registry, key)
    with appending(registry.store, upload, upload_offset) as sink:
        async for some in portions_of(request):
            _require_room(upload, sink.tell() + len(some))
            await run_in_threadpool(sink.write, some)
        headers = {_OFFSET: str(sink.tell())}
    return Response(status_code=HTTPStatus.NO_CONTENT, headers=headers)


@router.put("/{key}", summary="Have an upload checked")
def complete(registry: RegistryOf, key: str) -> UploadDocument:
    """Hashes every byte and scans the file; send `{}`. What the state becomes says the rest."""
    return upload_document(registry.store, complete_upload(registry.engine, registry.store, key))


@router.delete(
    "/{key}",
    summary="Give an upload up",
    status_code=HTTPStatus.NO_CONTENT,
    response_class=Response,
)
def forget(registry: RegistryOf, key: str) -> Response:
    """Its bytes are removed; what it has become stays."""
    forget_upload(registry.engine, registry.store, key)
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _found(registry: Registry, key: str) -> Upload:
    with reading(registry.engine) as session:
        return find_upload(session, key)


def _require_room(upload: Upload, end: int) -> None:
    if end > upload.size_bytes:
        raise InvalidValue(
            f"upload {upload.key} was announced with {upload.size_bytes} bytes, and this piece "
            "ends at",
            end,
            remedy="Send what was announced, or begin another upload",
        )
