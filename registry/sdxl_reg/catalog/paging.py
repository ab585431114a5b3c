"""Long lists a page at a time, by the key of the last item and not by counting."""

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute, Session

from sdxl_reg.errors import InvalidValue

MAX_LIMIT = 500
DEFAULT_LIMIT = 50

_Row = TypeVar("_Row")
_Item = TypeVar("_Item")
_Key = TypeVar("_Key", str, int)


@dataclass(frozen=True, kw_only=True)
class Slice:
    """Which part of a list is wanted.

    Attributes:
        limit: At most so many items, 1 … 500.
        cursor: What the page before gave as `next`; none for the first page.
        filter: What the items are to be, where the list takes filters; a cursor leads on in the
            list of its own filter only.
    """

    limit: int = DEFAULT_LIMIT
    cursor: str | None = None
    filter: str = ""

    @property
    def offset(self) -> int:
        """How many items the pages before held, for lists that are counted and not keyed.

        Raises:
            InvalidValue: The cursor is none of ours.
        """
        return 0 if self.cursor is None else _read_cursor(self.cursor, int)

    @property
    def place(self) -> str | None:
        """The place that the page before ended at, for lists of several parts; none at first.

        Raises:
            InvalidValue: The cursor is none of ours.
        """
        return None if self.cursor is None else _read_cursor(self.cursor, str)

    @property
    def after(self) -> int:
        """Row of the last item of the page before, 0 at first, for lists ordered by their rows.

        Raises:
            InvalidValue: The cursor is none of ours.
        """
        return self.offset


@dataclass(frozen=True, kw_only=True)
class Page(Generic[_Item]):
    """A part of a list.

    Attributes:
        items: In the order of the list.
        next: Cursor of the page after; none at the end.
    """

    items: Sequence[_Item]
    next: str | None


def page_of(
    session: Session,
    query: Select[_Row],
    key: InstrumentedAttribute[Any],
    part: Slice,
    *,
    newest_first: bool = False,
) -> Page[_Row]:
    """One page of the rows of a query; rows that come or go meanwhile shift nothing.

    Args:
        session: The transaction.
        query: Selects one kind of row, in any order.
        key: A column of that row without equals; the list is ordered by it.
        part: Which page.
        newest_first: Descending instead of ascending.

    Raises:
        InvalidValue: The cursor is none of ours.
    """
    if part.cursor is not None:
        after = _read_cursor(part.cursor, key.type.python_type, part.filter)
        query = query.where(key < after if newest_first else key > after)
    query = query.order_by(key.desc() if newest_first else key).limit(part.limit + 1)
    rows = session.scalars(query).all()
    shown = rows[: part.limit]
    more = len(rows) > part.limit
    last = getattr(shown[-1], key.key) if more else None
    return Page(items=shown, next=cursor_of(last, part.filter) if last is not None else None)


def counted_page(items: Sequence[_Item], part: Slice, *, total: int) -> Page[_Item]:
    """A page of items that were already fetched with `part.offset` and `part.limit`.

    Args:
        items: The items of the page.
        part: Which page it is.
        total: How many items the whole list has.
    """
    end = part.offset + len(items)
    return Page(items=items, next=cursor_of(end) if items and end < total else None)


def page_after(items: Sequence[_Item], last: str | int | None) -> Page[_Item]:
    """A page of items that were already fetched with `part.after` or `part.place`.

    Args:
        items: The items of the page.
        last: Row or place of the last of them where more follow; none at the end.
    """
    return Page(items=items, next=None if last is None else cursor_of(last))


def cursor_of(value: str | int, filtered_by: str = "") -> str:
    """The cursor that leads on from a row or a place.

    Args:
        value: The row or the place.
        filtered_by: The filter of the list.
    """
    said = [value, _mark_of(filtered_by)] if filtered_by else value
    return base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")


def _read_cursor(cursor: str, kind: type[_Key], filtered_by: str = "") -> _Key:
    try:
        value = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError):
        value = None
    if filtered_by:
        is_ours = isinstance(value, list) and len(value) == 2 and value[1] == _mark_of(filtered_by)
        value = value[0] if is_ours else None
    if not isinstance(value, kind) or isinstance(value, bool) or _is_negative(value):
        raise InvalidValue(
            "not a cursor of this list", cursor, remedy="Give `next` of the page before, unchanged"
        )
    return value


def _mark_of(filtered_by: str) -> str:
    return hashlib.sha256(filtered_by.encode()).hexdigest()[:12]


def _is_negative(value: object) -> bool:
    return isinstance(value, int) and value < 0
