"""Dataset versions: frozen image sets."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from sdxl_reg.catalog.access.visibility import present_viewer
from sdxl_reg.catalog.dataset_diff import diff_references
from sdxl_reg.catalog.datasets import (
    entries_page,
    find_dataset_version,
    freeze_once,
    version_ref,
    versions_page,
)
from sdxl_reg.catalog.freezing import prepare, project_of_freeze
from sdxl_reg.formats.dataset_formats import EXPORTS
from sdxl_reg.store.database import transaction
from sdxl_reg.vocabulary import Role
from sdxl_reg.web.dataset_archives import ExportQuery, export_response
from sdxl_reg.web.dependencies import FilteredSliceOf, RegistryOf, SessionOf, SliceOf
from sdxl_reg.web.files import blob_response
from sdxl_reg.web.roles import needs
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
from sdxl_reg.web.schemas.freezing import (
    FreezeBody,
    FrozenDocument,
    forecast_document,
    frozen_document,
)

router = APIRouter(prefix="/datasets", tags=["datasets"])

_TOLD = 500
FormOf = Annotated[
    str, Path(description="What it is written as.", json_schema_extra={"enum": list(EXPORTS)})
]
BeforeOf = Annotated[
    str | None, Query(description="The earlier version: `weipin@1`; by default the one before.")
]


@router.get("", summary="List the dataset versions")
def listed(session: SessionOf, part: FilteredSliceOf) -> Items[DatasetItem]:
    """Every frozen dataset version, newest first.

    `filter` knows name, set, version, images, sha256, project and created: `set:weipin images:>99`.
    """
    return items_of(versions_page(session, part), dataset_item)


@router.post(
    "",
    summary="Freeze an image set",
    status_code=HTTPStatus.CREATED,
    dependencies=[needs(Role.WRITER)],
    responses={
        200: {"model": FrozenDocument, "description": "Nothing is new, or it was a dry run."}
    },
)
def freeze(response: Response, registry: RegistryOf, body: FreezeBody) -> FrozenDocument:
    """An image set, or a part of it, becomes the next version of a dataset: 201 and its `Location`.

    Where nothing has changed since a version was frozen, that version is answered with 200; a
    `dry_run` says what would be frozen, and stores nothing. It takes a writer of the project of the
    set.
    """
    options = body.model_dump(exclude={"name", "select", "dry_run"}) | {"selector": body.select}
    with transaction(registry.engine) as session:
        project = project_of_freeze(session, body.name, image_set=body.image_set)
        if (viewer := present_viewer()) is not None:
            viewer.require(Role.WRITER, project)
        if body.dry_run:
            document = forecast_document(prepare(session, body.name, **options))
            session.rollback()
        else:
            version, is_new = freeze_once(session, registry.store, body.name, **options)
            document = frozen_document(session, version, is_new=is_new)
    if body.dry_run or not document.is_new:
        response.status_code = HTTPStatus.OK
    if document.url is not None:
        response.headers["Location"] = document.url
    return document


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
    "/{ref}/export/{form}",
    summary="A dataset version as another program reads it",
    response_class=Response,
    responses={
        200: {
            "content": {"application/zip": {}, "application/x-tar": {}},
            "description": "What `sdxl-reg dataset export` writes, in an archive.",
        }
    },
)
def export(
    request: Request,
    registry: RegistryOf,
    ref: str,
    form: FormOf,
    asked: Annotated[ExportQuery, Query()],
) -> Response:
    """Sent while it is written; a version gives the same bytes each time.

    Where a picture turns out to be damaged on the way, the connection breaks off before the end of
    the archive. Nothing that is not recorded is asked for: crops and captions are those that were
    frozen.
    """
    return export_response(request, registry, ref, form, asked)


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
