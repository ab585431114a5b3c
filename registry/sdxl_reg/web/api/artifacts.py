"""Artifacts, their versions and their files."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from sdxl_reg.catalog.artifacts import artifacts_page, file_of, find_artifact, find_version
from sdxl_reg.catalog.references import Reference
from sdxl_reg.catalog.version_diff import diff_references
from sdxl_reg.catalog.version_lists import versions_page
from sdxl_reg.catalog.yanking import unyank, yank
from sdxl_reg.store.database import transaction
from sdxl_reg.vocabulary import Role
from sdxl_reg.web.dependencies import RegistryOf, SessionOf, SliceOf
from sdxl_reg.web.files import blob_response
from sdxl_reg.web.roles import needs, of_artifact
from sdxl_reg.web.schemas.artifacts import (
    ArtifactDocument,
    ArtifactItem,
    VersionItem,
    YankRequest,
    artifact_document,
    artifact_items,
    version_item,
    version_items,
)
from sdxl_reg.web.schemas.base import Items
from sdxl_reg.web.schemas.version_diffs import VersionDiffDocument, version_diff_document

router = APIRouter(prefix="/artifacts", tags=["artifacts"])
BeforeOf = Annotated[
    str | None,
    Query(description="The other version: `weipin-lora@2`; by default the one before."),
]
_TRAINER = needs(Role.TRAINER, of_artifact)


@router.get("", summary="List the artifacts")
def listed(session: SessionOf, part: SliceOf) -> Items[ArtifactItem]:
    """Every artifact by name: LoRAs, checkpoints and what else was trained or imported."""
    page = artifacts_page(session, part)
    return Items(items=artifact_items(session, page.items), next=page.next)


@router.get("/{name}", summary="One artifact with its versions and aliases")
def one(session: SessionOf, name: str) -> ArtifactDocument:
    """The artifact with its newest hundred versions, yanked ones too, oldest first."""
    return artifact_document(session, find_artifact(session, name))


@router.get("/{name}/versions", summary="List the versions of an artifact")
def versions(session: SessionOf, name: str, part: SliceOf) -> Items[VersionItem]:
    """Every version, yanked ones too, newest first."""
    page = versions_page(session, find_artifact(session, name), part)
    return Items(items=version_items(session, page.items), next=page.next)


@router.get("/{name}/versions/{which}", summary="One version")
def version(session: SessionOf, name: str, which: str) -> VersionItem:
    """A version by number (`3`) or alias (`best`)."""
    return version_item(session, find_version(session, reference_of(name, which)))


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
    request: Request, session: SessionOf, registry: RegistryOf, name: str, which: str, path: str
) -> Response:
    """The bytes of a file, to be saved under its own name; ranges are answered."""
    found = file_of(find_version(session, reference_of(name, which)), path)
    plain = path.rpartition("/")[2]
    return blob_response(request, registry.store, found.blob.sha256, name=plain)


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


def reference_of(name: str, which: str) -> str:
    """How users write the version that an address names by number or alias."""
    if which.isdigit():
        return str(Reference(name=name, version=int(which)))
    return str(Reference(name=name, alias=which))
