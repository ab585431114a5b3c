"""Ingests: a folder of pictures is announced, its files are sent many at once, and it is recorded.

A folder is read as `sdxl-reg ingest` reads one of the server's machine, and reported the same way.
"""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from sdxl_reg.catalog.access.visibility import present_viewer
from sdxl_reg.catalog.references import MAIN
from sdxl_reg.catalog.sent_folders.announcing import announce_files, missing_files
from sdxl_reg.catalog.sent_folders.planning import plan_sent
from sdxl_reg.catalog.sent_folders.receiving import Receiving
from sdxl_reg.catalog.sent_folders.sessions import (
    begin_ingest,
    find_ingest,
    forget_ingest,
    ingests_of,
)
from sdxl_reg.errors import RegistryError
from sdxl_reg.store.database import reading, transaction
from sdxl_reg.vocabulary import Role
from sdxl_reg.web.bodies import portions_of
from sdxl_reg.web.dependencies import Registry, RegistryOf, SessionOf
from sdxl_reg.web.ingesting import Ingesting, IngestingOf
from sdxl_reg.web.roles import needs
from sdxl_reg.web.same_site import TAR
from sdxl_reg.web.schemas.ingests import (
    FILES_A_REQUEST,
    CommitBody,
    IngestBody,
    IngestDocument,
    IngestFilesBody,
    IngestList,
    MissingFiles,
    PlanDocument,
    announced_files,
    ingest_document,
    plan_document,
)

router = APIRouter(prefix="/ingests", tags=["ingests"], dependencies=[needs(Role.WRITER)])


@router.get("", summary="List your ingests")
def listed(session: SessionOf, ingesting: IngestingOf) -> IngestList:
    """The folders that you have sent, newest first; they are kept for a week."""
    found = ingests_of(session)
    return IngestList(
        items=[ingest_document(session, ingest, ingesting.state_of(ingest)) for ingest in found]
    )


@router.post("", summary="Begin to send a folder", status_code=HTTPStatus.CREATED)
def begin(
    response: Response, registry: RegistryOf, ingesting: IngestingOf, body: IngestBody
) -> IngestDocument:
    """Answers with the address (`Location`) below which files are announced and sent.

    Nothing is recorded before it is asked for by `commit`.
    """
    viewer = present_viewer()
    project = viewer.project_for(body.project, Role.WRITER) if viewer else body.project or MAIN
    with transaction(registry.engine) as session:
        ingest = begin_ingest(
            session,
            registry.store,
            folder=body.folder,
            place=body.place or body.folder,
            options=body.model_dump(exclude={"folder", "place", "project"}),
            project=project,
        )
    document = _document(registry, ingesting, ingest.key)
    response.headers["Location"] = document.url
    return document


@router.get("/{ingest}", summary="How an ingest stands")
def one(session: SessionOf, ingesting: IngestingOf, ingest: str) -> IngestDocument:
    """How far it is, and once it is done its report."""
    found = find_ingest(session, ingest)
    return ingest_document(session, found, ingesting.state_of(found))


@router.put("/{ingest}/files", summary="Announce files")
def announce(registry: RegistryOf, ingest: str, body: IngestFilesBody) -> MissingFiles:
    """Some files of the folder, with their SHA-256; the answer says which of these have to be sent.

    Bytes are known if you see a picture of them in the registry, or have sent them in the last
    week. Nothing is asked for of files that are neither pictures nor captions: announce them all
    the same, and they are reported as on the machine of the registry.
    """
    files = announced_files(body)
    missing = announce_files(
        registry.engine, registry.store, ingest, files, closed=body.closed, unread=body.unread
    )
    return MissingFiles(missing=missing)


@router.get("/{ingest}/missing", summary="Which files have to be sent")
def missing(
    session: SessionOf,
    ingest: str,
    limit: Annotated[int, Query(ge=1, le=FILES_A_REQUEST, description="Paths at most.")] = 1000,
) -> MissingFiles:
    """Ask it after a connection broke: every file that came whole before is not asked for again."""
    return MissingFiles(missing=missing_files(session, find_ingest(session, ingest), limit))


@router.patch(
    "/{ingest}/content",
    summary="Send files",
    status_code=HTTPStatus.NO_CONTENT,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {TAR: {"schema": {"type": "string", "format": "binary"}}},
        }
    },
    response_class=Response,
)
async def receive(request: Request, registry: RegistryOf, ingest: str) -> Response:
    """A tar with any number of the files that were announced, under their paths.

    Each is hashed here and compared with what was announced. A connection that breaks loses only
    the file that it was at. Links and whatever else is no file are refused.
    """
    receiving = await run_in_threadpool(Receiving, registry.engine, registry.store, ingest)
    fault: RegistryError | None = None
    try:
        async for some in portions_of(request):
            if fault is None:
                fault = await run_in_threadpool(_fault, receiving, some)
        if fault is not None:  # said once all has come: a sender hears nothing while it sends
            raise fault
        receiving.end()
    finally:
        await run_in_threadpool(receiving.close)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.post("/{ingest}/plan", summary="What an ingest is going to do")
def plan(registry: RegistryOf, ingest: str) -> PlanDocument:
    """Which image sets and tags the folder means, and what is new, changed and gone; send `{}`.

    It takes no more than what was announced: ask before you send.
    """
    return plan_document(plan_sent(registry.engine, registry.store, ingest))


@router.post("/{ingest}/commit", summary="Ingest a sent folder", status_code=HTTPStatus.ACCEPTED)
def commit(
    response: Response, registry: RegistryOf, ingesting: IngestingOf, ingest: str, body: CommitBody
) -> IngestDocument:
    """Answers at once; ask how it stands until it is `done`. Asking twice changes nothing.

    409 says that files are missing, or that others were announced than you say.
    """
    ingesting.begin(ingest, files=body.files)
    document = _document(registry, ingesting, ingest)
    response.headers["Location"] = document.url
    return document


@router.delete(
    "/{ingest}",
    summary="Give an ingest up",
    status_code=HTTPStatus.NO_CONTENT,
    response_class=Response,
)
def forget(registry: RegistryOf, ingest: str) -> Response:
    """What was sent is removed; what was recorded of it stays."""
    forget_ingest(registry.engine, registry.store, ingest)
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _fault(receiving: Receiving, data: bytes) -> RegistryError | None:
    try:
        receiving.feed(data)
    except RegistryError as error:
        return error
    return None


def _document(registry: Registry, ingesting: Ingesting, key: str) -> IngestDocument:
    with reading(registry.engine) as session:
        ingest = find_ingest(session, key)
        return ingest_document(session, ingest, ingesting.state_of(ingest))
