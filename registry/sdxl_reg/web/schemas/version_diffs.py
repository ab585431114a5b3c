"""What differs between two versions, as a document."""

from collections.abc import Iterable
from typing import Any

from pydantic import Field

from sdxl_reg.catalog.version_diff import Difference, VersionDiff
from sdxl_reg.web.schemas.base import Document


class DifferenceItem(Document):
    """One thing that is not the same; null on the side that has none."""

    name: str
    before: Any
    after: Any


class PicturesDiff(Document):
    """The datasets of two versions, and how many pictures are not the same."""

    before: str
    after: str
    counts: dict[str, int] = Field(description="added, removed, retagged, …, unchanged → pictures.")


class VersionDiffDocument(Document):
    """What differs from one version to another."""

    before: str
    after: str
    facts: list[DifferenceItem] = Field(description="Kind, base, dataset, run, step, loss, …")
    settings: list[DifferenceItem] = Field(description="Of the trainings: `network.rank`, …")
    packages: list[DifferenceItem] = Field(description="Versions of packages.")
    pictures: PicturesDiff | None = Field(
        description="Null where both were trained on the same pictures, or one on none."
    )


def version_diff_document(diff: VersionDiff) -> VersionDiffDocument:
    """What differs between two versions."""
    pictures = diff.pictures
    return VersionDiffDocument(
        before=diff.before,
        after=diff.after,
        facts=_items(diff.facts),
        settings=_items(diff.settings),
        packages=_items(diff.packages),
        pictures=PicturesDiff(before=pictures.before, after=pictures.after, counts=pictures.counts)
        if pictures
        else None,
    )


def _items(some: Iterable[Difference]) -> list[DifferenceItem]:
    return [DifferenceItem(name=one.name, before=one.before, after=one.after) for one in some]
