"""Pages of filtered lists: what is wrong with a filter stands beside it, as people still type."""

from collections.abc import Callable
from http import HTTPStatus
from typing import TypeVar

from sdxl_reg.catalog.paging import Page, Slice
from sdxl_reg.errors import UsageError

_Item = TypeVar("_Item")


def filtered_list(
    part: Slice, found: Callable[[], Page[_Item]]
) -> tuple[Page[_Item], UsageError | None]:
    """A part of a list, or nothing of it and what is wrong with the filter.

    Args:
        part: What is asked for.
        found: Asks for it.

    Raises:
        UsageError: Something else is wrong than a filter.
    """
    try:
        return found(), None
    except UsageError as fault:
        if not part.filter:
            raise
        return Page(items=[], next=None), fault


def status_of(fault: UsageError | None) -> HTTPStatus:
    """The status of a page that shows what is wrong, or nothing wrong."""
    return HTTPStatus.UNPROCESSABLE_ENTITY if fault else HTTPStatus.OK
