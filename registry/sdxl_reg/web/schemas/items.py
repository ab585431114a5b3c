"""Many things asked for at once, each by itself, and what became of each."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from sdxl_reg.catalog.caption_items import CaptionItem
from sdxl_reg.catalog.crop_items import CropItem
from sdxl_reg.catalog.items import MOST, ItemsReport, MemberName
from sdxl_reg.catalog.tag_items import TagItem
from sdxl_reg.vocabulary import ItemStatus
from sdxl_reg.web.identity import author_of
from sdxl_reg.web.schemas.base import Document, Number
from sdxl_reg.web.schemas.changes import Author, ChangeItem, change_item

_Word = Annotated[str, Field(max_length=500)]
_MAX_VERSIONS = 1000


class ItemBody(Document):
    """Something for one member of a set, which is named in one of three ways."""

    member: Number | None = Field(default=None, description="Its number, as lists give it.")
    path: str | None = Field(
        default=None, max_length=4000, description="Relative to the set's folder, with /."
    )
    sha256: str | None = Field(
        default=None, max_length=64, description="Of its picture, if that is there once."
    )


class CaptionItemBody(ItemBody):
    """A caption for one member."""

    text: str = Field(max_length=20_000, description="Empty leaves it without words.")
    author: Author = None


class TagItemBody(ItemBody):
    """Tags for one member."""

    attach: list[_Word] = Field(default=[], max_length=100, description="Paths of tags.")
    detach: list[_Word] = Field(default=[], max_length=100, description="Paths of tags.")


class CropItemBody(ItemBody):
    """A crop for one member."""

    crop: tuple[float, float, float, float] | None = Field(
        description="Left, top, right and bottom as fractions of the upright picture; null: all."
    )


class _ManyBody(Document):
    author: Author = None
    atomic: bool = Field(
        default=False, description="Do nothing where one is refused; then it is 422."
    )
    dry_run: bool = Field(default=False, description="Only say what would become of each.")


class CaptionsBody(_ManyBody):
    """Captions for many members."""

    items: list[CaptionItemBody] = Field(min_length=1, max_length=MOST)


class TagItemsBody(_ManyBody):
    """Tags for many members."""

    items: list[TagItemBody] = Field(min_length=1, max_length=MOST)
    make: bool = Field(default=False, description="Make tags where there are none.")


class CropsBody(_ManyBody):
    """Crops for many members."""

    items: list[CropItemBody] = Field(min_length=1, max_length=MOST)


class YankBody(Document):
    """Versions to be withdrawn."""

    versions: list[Number] = Field(min_length=1, max_length=_MAX_VERSIONS)
    reason: str = Field(default="", max_length=2000, description="Why, of all of them.")
    atomic: bool = Field(
        default=False, description="Do nothing where one is refused; then it is 422."
    )


class ItemProblem(Document):
    """Why an item was refused."""

    code: str = Field(description="As of a problem: `not-found`, …")
    message: str
    remedy: str


class ItemOutcome(Document):
    """What became of one item."""

    item: int = Field(description="Its place in the request, from 0.")
    status: ItemStatus
    problem: ItemProblem | None


class MemberOutcome(ItemOutcome):
    """What became of what was asked for one member."""

    member: int | None = Field(description="Its number; null where it was not found.")


class VersionOutcome(ItemOutcome):
    """What became of one version."""

    version: int | None = Field(description="Its number; null where there is none.")


class _Counts(Document):
    written: int
    unchanged: int
    refused: int


class MembersReport(_Counts):
    """What became of many items."""

    summary: str
    change: ChangeItem | None = Field(description="How to undo all of it; null: nothing changed.")
    results: list[MemberOutcome] = Field(description="In the order of the items.")


class VersionsReport(_Counts):
    """What became of many versions."""

    results: list[VersionOutcome] = Field(description="In the order of the numbers.")


def caption_items(body: CaptionsBody) -> list[CaptionItem]:
    """What a body asks for, as the catalog takes it; who has signed in is the author of all."""
    return [
        CaptionItem(which=_which(item), text=item.text, author=author_of(item.author))
        for item in body.items
    ]


def tag_items(body: TagItemsBody) -> list[TagItem]:
    """What a body asks for, as the catalog takes it."""
    return [
        TagItem(which=_which(item), attach=item.attach, detach=item.detach) for item in body.items
    ]


def crop_items(body: CropsBody) -> list[CropItem]:
    """What a body asks for, as the catalog takes it."""
    return [CropItem(which=_which(item), box=item.crop) for item in body.items]


def members_report(report: ItemsReport, *, is_dry: bool) -> MembersReport:
    """What became of many items.

    Args:
        report: What the catalog says of it.
        is_dry: Whether nothing was changed.
    """
    counts = _counts(report)
    told = ", ".join(f"{count:,} {word}" for word, count in counts.items() if count)
    would = "Dry run, nothing is changed: " if is_dry else ""
    change = None if is_dry else report.change
    return MembersReport(
        **counts,
        summary=would + told + (f". {change.summary}" if change else ""),
        change=change_item(change) if change else None,
        results=[
            MemberOutcome(item=place, status=one.status, member=one.row, problem=problem)
            for place, (one, problem) in enumerate(
                zip(report.results, _problems(report), strict=True)
            )
        ],
    )


def versions_report(report: ItemsReport) -> VersionsReport:
    """What became of many versions."""
    return VersionsReport(
        **_counts(report),
        results=[
            VersionOutcome(item=place, status=one.status, version=one.row, problem=problem)
            for place, (one, problem) in enumerate(
                zip(report.results, _problems(report), strict=True)
            )
        ],
    )


def _which(item: ItemBody) -> MemberName:
    return MemberName(member=item.member, path=item.path, sha256=item.sha256)


def _counts(report: ItemsReport) -> dict[str, int]:
    return {status.value: count for status, count in report.counts.items()}


def _problems(report: ItemsReport) -> Sequence[ItemProblem | None]:
    return [
        ItemProblem(code=one.problem.code, message=one.problem.message, remedy=one.problem.remedy)
        if one.problem
        else None
        for one in report.results
    ]
