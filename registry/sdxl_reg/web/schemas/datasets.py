"""Dataset versions as documents."""

from datetime import datetime
from typing import Any

from pydantic import Field
from sqlalchemy.orm import Session

from sdxl_reg.catalog.dataset_contents import contents_of, versions_of
from sdxl_reg.catalog.dataset_uses import trained_on
from sdxl_reg.catalog.datasets import version_ref
from sdxl_reg.tables import DatasetEntry, DatasetVersion
from sdxl_reg.web.schemas.base import Document, Sha256, url


class DatasetItem(Document):
    """A frozen dataset version in a list."""

    ref: str = Field(description="How commands refer to it: `weipin@1`.")
    name: str
    version: int
    image_set: str
    selector: str = Field(description="Which tags of the set; empty takes all.")
    images: int = Field(description="Lines of its manifest.")
    digest: Sha256
    created_at: datetime
    url: str


class DatasetDocument(DatasetItem):
    """One dataset version."""

    tags: dict[str, int] = Field(description="Tag path → how many images.")
    splits: dict[str, int] = Field(description="train, validation → how many images.")
    showings: int = Field(description="Pictures that an epoch shows, repeats counted.")
    trained: list[str] = Field(description="The artifact versions that were trained on it.")
    versions: list[str] = Field(description="All versions of the dataset, the newest first.")
    entries: str = Field(description="Where its images are listed.")
    manifest: str = Field(description="Where its manifest (JSON lines) is.")
    lineage: str


class EntryItem(Document):
    """One line of a manifest."""

    position: int
    sha256: Sha256
    path: str
    tags: str
    more_tags: list[str] = Field(description="Tags that people gave it besides.")
    caption: str
    repeats: int
    split: str
    crop: list[float] | None = Field(description="Left, top, right, bottom as fractions.")
    url: str
    thumbnail: str


def dataset_item(version: DatasetVersion) -> DatasetItem:
    """A dataset version for a list."""
    return DatasetItem(**_facts(version))


def dataset_document(session: Session, version: DatasetVersion) -> DatasetDocument:
    """One dataset version with how many images its tags have."""
    ref = version_ref(version)
    contents = contents_of(session, version)
    return DatasetDocument(
        **_facts(version),
        tags=dict(contents.tags),
        splits=dict(contents.splits),
        showings=contents.showings,
        trained=trained_on(session, version),
        versions=[version_ref(one) for one in versions_of(session, version.dataset)],
        entries=url("datasets", ref, "entries"),
        manifest=url("datasets", ref, "manifest"),
        lineage=url("lineage", f"dataset:{ref}"),
    )


def entry_item(entry: DatasetEntry) -> EntryItem:
    """One line of a manifest."""
    sha256 = entry.image.blob.sha256
    return EntryItem(
        position=entry.position,
        sha256=sha256,
        path=entry.source_path,
        tags=entry.tag_path,
        more_tags=entry.more_tags or [],
        caption=entry.caption,
        repeats=entry.repeats,
        split=entry.split,
        crop=entry.crop,
        url=url("images", sha256),
        thumbnail=url("images", sha256, "thumbnail"),
    )


def _facts(version: DatasetVersion) -> dict[str, Any]:
    ref = version_ref(version)
    return {
        "ref": ref,
        "name": version.dataset.name,
        "version": version.version,
        "image_set": version.dataset.image_set.name,
        "selector": version.dataset.selector,
        "images": version.image_count,
        "digest": version.digest,
        "created_at": version.created_at,
        "url": url("datasets", ref),
    }
