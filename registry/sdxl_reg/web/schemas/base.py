"""What all documents share: their base, pages of a list, links, problems."""

import functools
from collections.abc import Callable
from typing import Annotated, Generic, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field

from sdxl_reg.catalog.paging import Page

API = "/api/v1"
SETTINGS = "settings_faults"
"""Type of a fault that stands for several: its context says `faults`, by name."""

_Row = TypeVar("_Row")
_Item = TypeVar("_Item", bound="Document")

Sha256 = Annotated[
    str,
    Field(pattern="^[0-9a-f]{64}$", description="SHA-256 of the bytes, in hexadecimal digits."),
]


Number = Annotated[int, Field(ge=0, le=(1 << 63) - 1, description="As a database counts rows.")]
ProjectName = Annotated[
    str, Field(pattern="^[a-z0-9][a-z0-9_.-]{0,63}$", description="a to z, digits and . _ -")
]


class Document(BaseModel):
    """What the API answers with: frozen, and closed unless a document says otherwise."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Items(Document, Generic[_Item]):
    """A page of a list."""

    items: list[_Item]
    next: str | None = Field(
        description="Give it as `cursor` to have the next page; null at the end."
    )


class FieldFault(Document):
    """What was wrong with one part of a request."""

    field: str
    fault: str


class Problem(Document):
    """An error, as RFC 9457 says it; `code` and `remedy` are ours."""

    type: str = Field(description="The page about this kind of problem: `/problems/not-found`.")
    title: str = Field(description="The HTTP status in words.")
    status: int
    detail: str = Field(description="What was wrong, with the value.")
    instance: str = Field(description="The path that was asked for.")
    code: str = Field(description="Stable word for programs: `not-found`, `invalid-value`, …")
    remedy: str = Field(description="What to do about it; may be empty.")
    errors: list[FieldFault] = Field(default=[], description="Every fault of a faulty request.")


def items_of(page: Page[_Row], convert: Callable[[_Row], _Item]) -> Items[_Item]:
    """A page of rows as a document."""
    return Items(items=[convert(row) for row in page.items], next=page.next)


def url(*parts: str | int) -> str:
    """An address below the API, each part quoted.

    Returns:
        Such as `/api/v1/artifacts/weipin-lora/versions/1`.
    """
    return f"{API}/{quoted(*parts)}"


def quoted(*parts: str | int) -> str:
    """Parts of an address, each quoted, with / between them."""
    return "/".join([_quoted(str(part)) for part in parts])


@functools.lru_cache(maxsize=4096)
def _quoted(part: str) -> str:
    return quote(part, safe="@:")
