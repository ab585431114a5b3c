"""The options of the commands about crops: shapes, sizes, places and who is meant."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

import click

_Function = TypeVar("_Function", bound=Callable[..., Any])


def select_option(function: _Function) -> _Function:
    """Give a command the option `--select` (parameter `selector`)."""
    option = click.option(
        "--select",
        "--tag",
        "selector",
        default="",
        metavar="SELECTOR",
        help="Only these pictures: 'qzy/**', 'defect:spot AND NOT brand:lsbr'.",
    )
    return option(function)


def aspect_option(function: _Function) -> _Function:
    """Give a command the option `--aspect` (a width and a height)."""
    option = click.option(
        "--aspect",
        default="1:1",
        show_default=True,
        metavar="W:H",
        callback=size_of,
        help="Shape of the part: 1:1, 3:4, or a size such as 832x1216.",
    )
    return option(function)


def author_option(function: _Function) -> _Function:
    """Give a command the option `--author`."""
    return click.option("--author", help="Who chose it.")(function)


def size_of(
    context: click.Context, parameter: click.Parameter, text: str | None
) -> tuple[int, int] | None:
    """Width and height out of `832x1216`, `3:4` or, for a square, `1024`.

    Args:
        context: Of the command.
        parameter: The option.
        text: What the user wrote; None where nothing.

    Raises:
        BadParameter: It is none of these.
    """
    if text is None:
        return None
    found = re.fullmatch(r"(\d{1,6})(?:\s*[x×:,]\s*(\d{1,6}))?", text.strip().lower())
    width, height = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not width or not height:
        raise click.BadParameter(
            f"{text!r} is no width and height: 1024, 832x1216, 3:4", context, parameter
        )
    return width, height


def numbers(text: str, count: int, option: str) -> list[float]:
    """So many numbers, parted by commas.

    Args:
        text: What the user wrote.
        count: How many there must be.
        option: Its name, for the message.

    Raises:
        UsageError: They are not so many, or not numbers.
    """
    try:
        found = [float(part) for part in text.split(",")]
    except ValueError:
        found = []
    if len(found) != count:
        raise click.UsageError(f"{option} {text}: give {count} numbers with commas between them")
    return found
