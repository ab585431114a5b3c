"""What a dataset version holds, counted by the database: tags, splits, showings; its parts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.paging import Page, Slice, page_of
from sdxl_reg.catalog.splits import TRAIN
from sdxl_reg.tables import Dataset, DatasetEntry, DatasetVersion


@dataclass(frozen=True, kw_only=True)
class Contents:
    """A dataset version in numbers.

    Attributes:
        tags: Tag path → how many pictures, by path.
        splits: `train`, `validation` → how many pictures.
        showings: Pictures that an epoch shows, repeats counted.
    """

    tags: Mapping[str, int]
    splits: Mapping[str, int]
    showings: int


def contents_of(session: Session, version: DatasetVersion) -> Contents:
    """Count what a dataset version holds."""
    of_version = DatasetEntry.dataset_version_id == version.id
    rows = session.execute(
        select(
            DatasetEntry.tag_path, DatasetEntry.split, func.count(), func.sum(DatasetEntry.repeats)
        )
        .where(of_version)
        .group_by(DatasetEntry.tag_path, DatasetEntry.split)
    ).all()
    tags: dict[str, int] = {}
    splits: dict[str, int] = {}
    showings = 0
    for tag, split, count, repeats in sorted(rows):
        tags[tag] = tags.get(tag, 0) + count
        splits[split] = splits.get(split, 0) + count
        showings += int(repeats) if split == TRAIN else 0
    return Contents(tags=tags, splits=splits, showings=showings)


def versions_of(session: Session, dataset: Dataset) -> Sequence[DatasetVersion]:
    """Every version of a dataset, the newest first."""
    return session.scalars(
        select(DatasetVersion)
        .where(DatasetVersion.dataset_id == dataset.id)
        .order_by(DatasetVersion.version.desc())
    ).all()


def part_of(
    session: Session, version: DatasetVersion, part: Slice, *, split: str = "", tag: str = ""
) -> Page[DatasetEntry]:
    """Some of the pictures of a dataset version, in its frozen order.

    Args:
        session: The transaction.
        version: The version.
        part: Which page.
        split: Only pictures of this split; empty for all.
        tag: Only pictures with this very tag; empty for all.

    Raises:
        InvalidValue: The cursor is none of ours.
    """
    query = select(DatasetEntry).where(DatasetEntry.dataset_version_id == version.id)
    if split:
        query = query.where(DatasetEntry.split == split)
    if tag:
        query = query.where(DatasetEntry.tag_path == tag)
    return page_of(session, query, DatasetEntry.position, part)
