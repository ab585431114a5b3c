"""Dataset versions: frozen image sets."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from sdxl_reg.catalog.dataset_diff import diff_references
from sdxl_reg.catalog.datasets import (
    entries_page,
    find_dataset_version,
    version_ref,
    versions_page,
)
from sdxl_reg.web.dependencies import RegistryOf, SessionOf, SliceOf
from sdxl_reg.web.files import blob_response
from sdxl_reg.web.schemas.base import Items, items_of
from sdxl_reg.web.schemas.dataset_diffs import DatasetDiffDocument, diff_document
from sdxl_reg.web.schemas.datasets import (
    DatasetDocument,
    DatasetItem,
    EntryItem,
    dataset_document,
    dataset_item,
    entry_item,
)

router = APIRouter(prefix="/datasets", tags=["datasets"])

_TOLD = 500
BeforeOf = Annotated[
    str | None, Query(description="The earlier version: `weipin@1`; by default the one before.")
]


@router.get("", summary="List the dataset versions")
def listed(session: SessionOf, part: SliceOf) -> Items[DatasetItem]:
    """Every frozen dataset version, newest first."""
    return items_of(versions_page(session, part), dataset_item)


@router.get("/{ref}", summary="One dataset version")
def one(session: SessionOf, ref: str) -> DatasetDocument:
    """A dataset version by reference: `weipin@1`; `weipin` alone means the newest."""
    return dataset_document(session, find_dataset_version(session, ref))


@router.get("/{ref}/entries", summary="The images of a dataset version")
def entries(session: SessionOf, ref: str, part: SliceOf) -> Items[EntryItem]:
    """The lines of its manifest, in their frozen order."""
    version = find_dataset_version(session, ref)
    return items_of(entries_page(session, version, part), entry_item)


@router.get("/{ref}/diff", summary="What changed between two dataset versions")
def diff(session: SessionOf, ref: str, before: BeforeOf = None) -> DatasetDiffDocument:
    """Pictures that were added, removed, retagged, recaptioned, moved between splits, and so on."""
    return diff_document(diff_references(session, ref, before), limit=_TOLD)


@router.get(
    "/{ref}/manifest",
    summary="The manifest of a dataset version",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}}, "description": "JSON lines."}},
)
def manifest(request: Request, session: SessionOf, registry: RegistryOf, ref: str) -> Response:
    """Canonical JSON lines, one an image; their SHA-256 is the digest of the version."""
    version = find_dataset_version(session, ref)
    name = f"{version_ref(version)}.jsonl"
    return blob_response(request, registry.store, version.digest, name=name)
