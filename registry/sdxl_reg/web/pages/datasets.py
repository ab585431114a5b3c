"""Dataset versions: all of them, one with its pictures, and what changed between two."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from sdxl_reg.catalog.dataset_contents import part_of
from sdxl_reg.catalog.dataset_diff import diff_references
from sdxl_reg.catalog.datasets import find_dataset_version, versions_page
from sdxl_reg.catalog.list_filters import DATASET_FIELDS
from sdxl_reg.formats.dataset_formats import EXPORTS
from sdxl_reg.vocabulary import Role
from sdxl_reg.web.dependencies import FilteredSliceOf, SessionOf, SliceOf
from sdxl_reg.web.list_pages import filtered_page
from sdxl_reg.web.roles import may
from sdxl_reg.web.schemas.dataset_diffs import diff_document
from sdxl_reg.web.schemas.datasets import dataset_document, dataset_item, entry_item
from sdxl_reg.web.templating import render

router = APIRouter(prefix="/datasets")

_SHOWN = 60


@router.get("")
def listed(request: Request, session: SessionOf, part: FilteredSliceOf) -> Response:
    """The frozen dataset versions, newest first, those that a filter means."""
    page, box = filtered_page(session, part, versions_page, DATASET_FIELDS)
    facts = {
        "datasets": [dataset_item(version) for version in page.items],
        "next": page.next,
        **box,
    }
    return render(request, "datasets.html", facts, status=box["status"])


@router.get("/{ref}")
def one(
    request: Request,
    session: SessionOf,
    ref: str,
    part: SliceOf,
    split: Annotated[str, Query()] = "",
    tag: Annotated[str, Query()] = "",
) -> Response:
    """A dataset version with the pictures and captions it froze."""
    version = find_dataset_version(session, ref)
    page = part_of(session, version, part, split=split, tag=tag)
    facts = {
        "dataset": dataset_document(session, version),
        "entries": [entry_item(entry) for entry in page.items],
        "next": page.next,
        "exports": EXPORTS,
        "may_train": may(Role.TRAINER, version.dataset.image_set.project),
        "is_first": part.cursor is None,
        "split": split,
        "tag": tag,
    }
    return render(request, "dataset.html", facts)


@router.get("/{ref}/diff")
def diff(
    request: Request, session: SessionOf, ref: str, before: Annotated[str | None, Query()] = None
) -> Response:
    """What changed from another version to this one, with pictures."""
    found = diff_document(diff_references(session, ref, before), limit=_SHOWN)
    return render(request, "dataset_diff.html", {"diff": found, "limit": _SHOWN})
