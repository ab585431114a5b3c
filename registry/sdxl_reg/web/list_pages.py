"""The lists of pages: a part of one, or what is wrong with its filter, for people still type it."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import urlencode

from sqlalchemy.orm import Session

from sdxl_reg.catalog.list_filters import ListField
from sdxl_reg.catalog.paging import Page, Slice
from sdxl_reg.errors import UsageError

_Row = TypeVar("_Row")


def filtered_page(
    session: Session,
    part: Slice,
    list_page: Callable[[Session, Slice], Page[_Row]],
    fields: Mapping[str, ListField],
) -> tuple[Page[_Row], dict[str, Any]]:
    """A part of a filtered list, and what its box of filters shows.

    Args:
        session: The transaction.
        part: Which part, and the filter as a person wrote it.
        list_page: The list.
        fields: Those of its filter.

    Returns:
        The page, empty where the filter makes no sense; and `filter`, `fields`, `fault`, `query`
        (the filter in an address) and `status` of the answer.
    """
    fault: UsageError | None = None
    try:
        page = list_page(session, part)
    except UsageError as error:
        if not part.filter:
            raise
        page, fault = Page(items=[], next=None), error
    return page, {
        "filter": part.filter,
        "fields": {name: field.meaning for name, field in fields.items()},
        "fault": fault,
        "query": urlencode({"filter": part.filter}) if part.filter else "",
        "is_first": part.cursor is None,
        "status": HTTPStatus.UNPROCESSABLE_ENTITY if fault else HTTPStatus.OK,
    }
