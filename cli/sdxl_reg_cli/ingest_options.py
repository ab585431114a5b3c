"""Options of `ingest`, the same on one's own machine and with `--server`."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

_Function = TypeVar("_Function", bound=Callable[..., Any])
_OPTIONS = (
    click.option(
        "--as", "as_name", metavar="NAME", help="The folder itself is one image set: NAME."
    ),
    click.option(
        "--layout",
        metavar="LEVELS",
        help="Names of the folder levels: set/brand/state, or '{brand}/{state}/{defect?}', where a "
        "level without ? that a picture lacks is told.",
    ),
    click.option(
        "--caption",
        metavar="TEMPLATE",
        help="Caption of pictures that have none beside them: '{tags}, black background'. Places: "
        "{tags}, {set}, and the levels, such as {brand}. [default: as before; at first {tags}]",
    ),
    click.option("--rehash", is_flag=True, help="Read also files of unchanged size and time."),
    click.option(
        "--max-pixels",
        type=click.IntRange(min=1),
        default=128_000_000,
        show_default=True,
        help="Width × height above which a picture is not decoded.",
    ),
    click.option(
        "--watch", is_flag=True, help="Stay, and ingest again whenever something changes."
    ),
    click.option("-y", "--yes", is_flag=True, help="Do not ask whether the layout is right."),
)


def folder_options(function: _Function) -> _Function:
    """Give a command the options that say how a folder is read."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function
