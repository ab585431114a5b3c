"""Dataset versions: all of them, and one with its pictures."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from sdxl_reg.catalog.datasets import entries_page, find_dataset_version, versions_page
from sdxl_reg.web.dependencies import SessionOf, SliceOf
from sdxl_reg.web.schemas.datasets import dataset_document, dataset_item, entry_item
from sdxl_reg.web.templating import render

router = APIRouter(prefix="/datasets")


@router.get("")
def listed(request: Request, session: SessionOf, part: SliceOf) -> Response:
    """The frozen dataset versions, newest first."""
    page = versions_page(session, part)
    facts = {"datasets": [dataset_item(version) for version in page.items], "next": page.next}
    return render(request, "datasets.html", facts)


@router.get("/{ref}")
def one(request: Request, session: SessionOf, ref: str, part: SliceOf) -> Response:
    """A dataset version with the pictures and captions it froze."""
    version = find_dataset_version(session, ref)
    page = entries_page(session, version, part)
    facts = {
        "dataset": dataset_document(session, version),
        "entries": [entry_item(entry) for entry in page.items],
        "next": page.next,
        "is_first": part.cursor is None,
    }
    return render(request, "dataset.html", facts)
