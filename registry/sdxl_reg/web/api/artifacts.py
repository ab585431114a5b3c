"""Artifacts, their versions and their files."""

from contextlib import suppress
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from sdxl_reg.catalog.access.visibility import present_viewer
from sdxl_reg.catalog.artifacts import (
    artifacts_page,
    file_of,
    find_alias,
    find_artifact,
    find_version,
    set_alias,
)
from sdxl_reg.catalog.blobs import scan_of
from sdxl_reg.catalog.references import Reference
from sdxl_reg.catalog.uploads import find_upload, take_version
from sdxl_reg.catalog.version_diff import diff_references
from sdxl_reg.catalog.version_lists import versions_page
from sdxl_reg.catalog.yanking import unyank, yank, yank_all
from sdxl_reg.errors import NotFound
from sdxl_reg.store.database import reading, transaction
from sdxl_reg.tables import Upload
from sdxl_reg.vocabulary import Program, Role
from sdxl_reg.web.dependencies import FilteredSliceOf, RegistryOf, SessionOf
from sdxl_reg.web.etags import IfMatchOf, require_match, tagged
from sdxl_reg.web.files import blob_response
from sdxl_reg.web.program_files import program_response
from sdxl_reg.web.roles import UnsafeOf, needs, of_artifact, require_safe
from sdxl_reg.web.schemas.artifacts import (
    AliasBody,
    AliasItem,
    ArtifactDocument,
    ArtifactItem,
    VersionItem,
    YankRequest,
    alias_item,
    artifact_document,
    artifact_items,
    version_item,
    version_items,
)
from sdxl_reg.web.schemas.base import Items
from sdxl_reg.web.schemas.items import VersionsReport, YankBody, versions_report
from sdxl_reg.web.schemas.uploads import TakeBody
from sdxl_reg.web.schemas.version_diffs import VersionDiffDocument, version_diff_document

router = APIRouter(prefix="/artifacts", tags=["artifacts"])
BeforeOf = Annotated[
    str | None,
    Query(description="The other version: `weipin-lora@2`; by default the one before."),
]
_TRAINER = needs(Role.TRAINER, of_artifact)


@router.get("", summary="List the artifacts")
def listed(session: SessionOf, part: FilteredSliceOf) -> Items[ArtifactItem]:
    """Every artifact by name: LoRAs, checkpoints and what else was trained or imported.

    `filter` knows name, kind, project and created: `kind:lora AND name:weipin*`.
    """
    page = artifacts_page(session, part)
    return Items(items=artifact_items(session, page.items), next=page.next)


@router.get("/{name}", summary="One artifact with its versions and aliases")
def one(session: SessionOf, name: str) -> ArtifactDocument:
    """The artifact with its newest hundred versions, yanked ones too, oldest first."""
    return artifact_document(session, find_artifact(session, name))


@router.get("/{name}/versions", summary="List the versions of an artifact")
def versions(session: SessionOf, name: str, part: FilteredSliceOf) -> Items[VersionItem]:
    """Every version, yanked ones too, newest first.

    `filter` knows version, state, epoch, step, loss, trainer, sha256 and created: `loss:<0.1`.
    """
    page = versions_page(session, find_artifact(session, name), part)
    return Items(items=version_items(session, page.items), next=page.next)


@router.post(
    "/{name}/versions",
    summary="Take in an upload",
    status_code=HTTPStatus.CREATED,
    dependencies=[needs(Role.TRAINER)],
)
def take(response: Response, registry: RegistryOf, name: str, body: TakeBody) -> VersionItem:
    """An upload that is checked becomes a version, of a new artifact if there is none of the name.

    The same bytes again are the version that is there. A pickled hypernetwork is converted, in a
    process of its own; other pickles stay where they are.
    """
    with reading(registry.engine) as session:
        _require_trainer(session, find_upload(session, body.upload), name)
    ref = take_version(
        registry.engine,
        registry.store,
        body.upload,
        name=name,
        kind=body.kind,
        base=body.base or "",
    )
    with reading(registry.engine) as session:
        item = version_item(session, find_version(session, ref))
    response.headers["Location"] = item.url
    return item


@router.get("/{name}/versions/{which}", summary="One version")
def version(session: SessionOf, response: Response, name: str, which: str) -> VersionItem:
    """A version by number (`3`) or alias (`best`)."""
    return tagged(response, version_item(session, find_version(session, reference_of(name, which))))


@router.get("/{name}/versions/{which}/diff", summary="What differs between two versions")
def diff(session: SessionOf, name: str, which: str, before: BeforeOf = None) -> VersionDiffDocument:
    """How they were made, of which pictures, on which base, with which settings and packages."""
    found = diff_references(session, reference_of(name, which), before)
    return version_diff_document(found)


@router.get(
    "/{name}/versions/{which}/files/{path:path}",
    summary="A file of a version",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}}, "description": "Its bytes."}},
)
def file(
    request: Request,
    session: SessionOf,
    registry: RegistryOf,
    name: str,
    which: str,
    path: str,
    unsafe: UnsafeOf = False,
) -> Response:
    """The bytes of a file, to be saved under its own name; ranges are answered.

    What can run code in the program that opens it is refused, but to an admin who says `unsafe`.
    """
    version = find_version(session, reference_of(name, which))
    found = file_of(version, path)
    require_safe(scan_of(session, found.blob), unsafe=unsafe, project=version.artifact.project)
    plain = path.rpartition("/")[2]
    return blob_response(request, registry.store, found.blob.sha256, name=plain)


@router.get(
    "/{name}/versions/{which}/for/{program}",
    summary="A version as another program takes it",
    response_class=Response,
    responses={
        200: {
            "content": {"application/octet-stream": {}, "application/zip": {}},
            "description": "The file, or a zip to be unpacked in the program's folder.",
        }
    },
)
def for_program(
    session: SessionOf,
    registry: RegistryOf,
    name: str,
    which: str,
    program: Program,
    is_packed: Annotated[
        bool, Query(alias="zip", description="A zip also where there is one file.")
    ] = False,
) -> Response:
    """Converted where it has to be: a hypernetwork to `.pt`, a checkpoint to one file or a folder.

    With notes and a preview where the program shows them; `which` may be an alias, whose strength
    goes into the notes.
    """
    reference = reference_of(name, which)
    for file in find_version(session, reference).files:
        require_safe(scan_of(session, file.blob), unsafe=False, project=None)
    return program_response(session, registry.store, reference, program, is_packed=is_packed)


@router.put(
    "/{name}/aliases/{alias}",
    summary="Point an alias at a version",
    dependencies=[needs(Role.WRITER, of_artifact)],
)
def point(
    registry: RegistryOf,
    response: Response,
    name: str,
    alias: str,
    said: AliasBody,
    if_match: IfMatchOf = None,
) -> AliasItem:
    """Wherever it pointed before; a new one is made. What is pointed at stays as it is."""
    with transaction(registry.engine) as session:
        if if_match is not None:
            pointer = find_alias(session, name, alias)
            session.refresh(pointer, with_for_update=True)
            require_match(if_match, alias_item(pointer))
        version = find_version(session, reference_of(name, str(said.version)))
        found = set_alias(
            session, version, alias, strength=said.strength, reason=said.reason.strip()
        )
        return tagged(response, alias_item(found))


@router.get("/{name}/aliases/{alias}", summary="Where an alias points")
def alias(session: SessionOf, response: Response, name: str, alias: str) -> AliasItem:
    """The version, the recommended strength and the reason; its `ETag` is for `If-Match`."""
    return tagged(response, alias_item(find_alias(session, name, alias)))


@router.post("/{name}/versions/yank", summary="Withdraw several versions", dependencies=[_TRAINER])
def withdraw_all(registry: RegistryOf, name: str, said: YankBody) -> VersionsReport:
    """`{"versions": [1, 2, 5], "reason": "wrong captions"}`; each is told what became of it.

    One that an alias points at is refused; the others are withdrawn, unless it is `atomic`.
    """
    with transaction(registry.engine) as session:
        artifact = find_artifact(session, name)
        reason = said.reason.strip()
        found = yank_all(session, artifact, said.versions, reason=reason, atomic=said.atomic)
        return versions_report(found)


@router.post("/{name}/versions/{which}/yank", summary="Withdraw a version", dependencies=[_TRAINER])
def withdraw(registry: RegistryOf, name: str, which: str, said: YankRequest) -> VersionItem:
    """It is no more taken for the newest; by its number it is still there, with its bytes."""
    with transaction(registry.engine) as session:
        found = find_version(session, reference_of(name, which))
        yank(session, found, said.reason.strip())
        return version_item(session, found)


@router.post(
    "/{name}/versions/{which}/unyank",
    summary="Offer a withdrawn version again",
    dependencies=[_TRAINER],
)
def offer(registry: RegistryOf, name: str, which: str) -> VersionItem:
    """A version that is not withdrawn stays as it is."""
    with transaction(registry.engine) as session:
        found = find_version(session, reference_of(name, which))
        unyank(session, found)
        return version_item(session, found)


def _require_trainer(session: Session, upload: Upload, name: str) -> None:
    """Refuse who may not add to the artifact of a name, or make it in the upload's project."""
    viewer = present_viewer()
    if viewer is None:
        return
    viewer.require(Role.TRAINER, upload.project)
    with suppress(NotFound):  # then it is a new one
        viewer.require(Role.TRAINER, find_artifact(session, name).project)


def reference_of(name: str, which: str) -> str:
    """How users write the version that an address names by number or alias."""
    if which.isdigit():
        return str(Reference(name=name, version=int(which)))
    return str(Reference(name=name, alias=which))
