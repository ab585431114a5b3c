"""What a gallery shows of its set: a tag, a selector, words of captions, and quick choices."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends, Query

CHOICES: Mapping[str, tuple[str, str]] = {
    "blurred": ("Blurred", "quality:blurred"),
    "dark": ("Dark", "quality:dark"),
    "bright": ("Bright", "quality:bright"),
    "flat": ("Flat", "quality:flat"),
    "small": ("Small", "quality:small"),
    "strip": ("Strips", "quality:strip"),
    "missing": ("Missing", "is:missing"),
    "uncaptioned": ("No caption", "NOT is:captioned"),
    "long": ("Over 75 tokens", "tokens:>75"),
    "cropped": ("Cropped", "is:cropped"),
}
"""Quick choices: their word in addresses → what people read, and the selector it stands for."""


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Which members of a set are looked at.

    Attributes:
        tag: Path of a tag, without / around it; empty for all.
        select: A selector as a person wrote it.
        words: What the caption must hold.
        only: Quick choices, of `CHOICES`.
    """

    tag: str = ""
    select: str = ""
    words: str = ""
    only: tuple[str, ...] = ()

    @property
    def selector(self) -> str:
        """Everything but the tag as one selector; empty for all."""
        said = [f"({self.select.strip()})"] if self.select.strip() else []
        said += [CHOICES[word][1] for word in self.only]
        # A selector has no way to write a quotation mark inside of quotation marks.
        said += [f'caption:"{part}"' for part in self.words.split('"') if part.strip()]
        return said[0][1:-1] if len(said) == 1 and self.select.strip() else " AND ".join(said)

    @property
    def query(self) -> str:
        """The filter as the query of an address, without ?."""
        pairs = [("tag", self.tag), ("select", self.select), ("words", self.words)]
        return urlencode([*((k, v) for k, v in pairs if v), *(("only", w) for w in self.only)])

    def toggled(self, word: str) -> "Filter":
        """The filter with a quick choice more, or less if it is there."""
        kept = tuple(other for other in self.only if other != word)
        return replace(self, only=kept if word in self.only else (*self.only, word))

    def at(self, tag: str) -> "Filter":
        """The filter at another tag."""
        return replace(self, tag=tag)


async def filter_of(
    tag: Annotated[str, Query(description="Path of a tag: `qzy/flawed`.")] = "",
    select: Annotated[str, Query(description="A selector, as in commands.")] = "",
    words: Annotated[str, Query(description="What the caption holds.")] = "",
    only: Annotated[list[str] | None, Query(description="Quick choices.")] = None,
) -> Filter:
    """The filter that an address asks for; quick choices that we do not know are passed over."""
    chosen = tuple(dict.fromkeys(word for word in only or [] if word in CHOICES))
    return Filter(tag=tag.strip("/"), select=select.strip(), words=words.strip(), only=chosen)


FilterOf = Annotated[Filter, Depends(filter_of)]
