"""What is asked and told when many members of a set are changed at once."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sdxl_reg.catalog.caption_diff import word_diff
from sdxl_reg.catalog.caption_rows import CaptionReport, Example
from sdxl_reg.catalog.captions import SEPARATOR
from sdxl_reg.tables import Change
from sdxl_reg.vocabulary import CaptionSource
from sdxl_reg.web.schemas.base import Document, Number

_MAX_MEMBERS = 100_000
_Text = Annotated[str, Field(max_length=20_000)]
Noun = Literal["tags", "captions", "crops"]
_Word = Annotated[str, Field(max_length=500)]
Author = Annotated[
    str | None, Field(max_length=255, description="Who does it; the history shows it.")
]


class Which(Document):
    """Which members of a set: these, or all that a tag and a selector mean together."""

    members: list[Number] | None = Field(
        default=None, max_length=_MAX_MEMBERS, description="Their numbers, as lists give them."
    )
    tag: _Word = Field(default="", description="Path of a tag; with what lies below it.")
    select: _Text = Field(default="", description="A selector, as in commands; empty for all.")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.members is not None and (self.tag or self.select):
            raise ValueError("give `members`, or `tag` and `select`, not both")
        return self


class MembersBody(Document):
    """A change of many members."""

    which: Which = Field(description='`{}` means every member; `{"members": [4, 7]}` these.')
    author: Author = None


class TagsBody(MembersBody):
    """A tag to be given to members, or taken from them."""

    do: Literal["attach", "detach"]
    tag: _Word = Field(min_length=1, description="Path of the tag: `qzy/flawed/spot`.")
    make: bool = Field(default=False, description="Make the tag where there is none.")
    dry_run: bool = Field(default=False, description="Only say what would be changed.")


class TreeBody(Document):
    """An edit of the tree of tags."""

    do: Literal["add", "rename", "move", "merge", "remove"]
    tag: _Word = Field(min_length=1, description="Path of the tag.")
    to: _Word = Field(
        default="",
        description="Its new name (`rename`), the tag above it (`move`; empty for the root), or "
        "the tag that stays (`merge`).",
    )
    author: Author = None
    dry_run: bool = Field(default=False, description="Only say what would be changed.")


class WordsBody(MembersBody):
    """Tags between the commas of captions, to be there or not."""

    add: list[_Word] = Field(default=[])
    remove: list[_Word] = Field(default=[])
    at: Literal["start", "end"] = "end"
    order: Literal["kept", "sorted"] = Field(
        default="kept", description="Whether all are put in the order of the alphabet."
    )
    dry_run: bool = Field(default=False, description="Only say what would be changed.")


class ReplaceBody(MembersBody):
    """A search in captions, and what stands there instead."""

    search: _Text = Field(min_length=1)
    replacement: _Text = ""
    how: Literal["text", "tag", "regex"] = Field(
        default="text", description="Letters anywhere, whole parts between commas, an expression."
    )
    ignore_case: bool = False
    dry_run: bool = Field(default=False, description="Only say what would be changed.")


class TemplateBody(MembersBody):
    """A template that gives captions: `{brand}, {state}, {defect}, black background`."""

    template: _Text = Field(min_length=1)
    prefix: _Text = ""
    suffix: _Text = ""
    trigger: _Word = Field(default="", description="Stands first, or at `{trigger}`.")
    words: dict[str, str] = Field(default={}, description="Name of a tag → what is said instead.")
    separator: Annotated[str, Field(min_length=1, max_length=20)] = SEPARATOR
    over: list[CaptionSource] | None = Field(
        default=None,
        description="Whose captions may be replaced; by default those of tags and of files.",
    )
    dry_run: bool = Field(default=False, description="Only say what would be changed.")


class CaptionBody(Document):
    """Another caption for one member: a text, or one of its earlier captions again."""

    text: _Text | None = None
    caption: Number | None = Field(default=None, description="Number of an earlier caption of it.")
    author: Author = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.text is None) == (self.caption is None):
            raise ValueError("give either `text` or `caption`")
        return self


class CropBody(Document):
    """The part of a picture that is trained and exported."""

    crop: tuple[float, float, float, float] | None = Field(
        description="Left, top, right and bottom as fractions of the upright picture; null: all."
    )
    author: Author = None


class UndoBody(Document):
    """Which change is to be taken back."""

    change: Number | None = Field(
        default=None, description="It must be the newest; left out, the newest is taken."
    )
    of: Noun | None = Field(
        default=None, description="The newest change of these, whatever else came after it."
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.change is not None and self.of is not None:
            raise ValueError("give `change` or `of`, not both")
        return self


class RevertBody(Document):
    """Who takes an earlier caption up again."""

    author: Author = None


class ClearCropsBody(Document):
    """Whose crops are taken away."""

    which: Which = Field(description='`{}` means every member; `{"members": [4, 7]}` these.')
    author: Author = None


class BackgroundBody(Document):
    """The colour behind transparent parts."""

    colour: str = Field(min_length=1, max_length=32, description="`#rrggbb`.")
    author: Author = None


class Elsewhere(Document):
    """Another set that a change of the tree concerns."""

    image_set: str
    members: int


class ChangeItem(Document):
    """A change in the journal."""

    id: int
    verb: str = Field(description="What was done: `tags.attached`, `captions.replaced`, …")
    summary: str
    author: str | None
    created_at: datetime
    undone_at: datetime | None


class DiffPart(Document):
    """Some words of a caption."""

    kind: Literal["same", "removed", "added"]
    text: str


class CaptionExample(Document):
    """What would become of one caption."""

    path: str
    before: str
    after: str
    diff: list[DiffPart]


class ChangeReport(Document):
    """What a change came to."""

    changed: int | None = Field(description="Members that are not as they were, where counted.")
    summary: str
    change: ChangeItem | None = Field(description="How to undo it; null where nothing changed.")


class TreeReport(ChangeReport):
    """What a change of the tree of tags came to, or would come to."""

    elsewhere: list[Elsewhere] = Field(description="Other sets that it concerns too.")


class CaptionChangeReport(ChangeReport):
    """What a change of captions came to, or would come to."""

    selected: int = Field(description="Members that were looked at.")
    kept: dict[str, int] = Field(
        description="Captions that were left as they are, by who wrote them."
    )
    examples: list[CaptionExample]


def change_item(change: Change) -> ChangeItem:
    """A change in the journal."""
    return ChangeItem(
        id=change.id,
        verb=change.verb,
        summary=change.summary,
        author=change.author,
        created_at=change.created_at,
        undone_at=change.undone_at,
    )


def caption_report(report: CaptionReport, *, is_dry: bool) -> CaptionChangeReport:
    """What a change of captions came to.

    Args:
        report: What the catalog says of it.
        is_dry: Whether nothing was changed.
    """
    would = " would change" if is_dry else " changed"
    count = report.changed
    said = f"{count:,} caption{'' if count == 1 else 's'}{would}" if count else "No caption changes"
    summary = report.change.summary if report.change else said
    return CaptionChangeReport(
        changed=count,
        summary=summary,
        change=change_item(report.change) if report.change else None,
        selected=report.selected,
        kept={str(source): kept for source, kept in report.kept.items()},
        examples=[_example(example) for example in report.examples],
    )


def diff_of(before: str, after: str) -> list[DiffPart]:
    """Two captions word by word."""
    return [DiffPart(kind=part.kind, text=part.text) for part in word_diff(before, after)]


def _example(example: Example) -> CaptionExample:
    path, before, after = example
    return CaptionExample(path=path, before=before, after=after, diff=diff_of(before, after))
