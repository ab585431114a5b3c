"""Options of tags, the same on one's own machine and with `--server`."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from sdxl_reg_cli.console import json_option

_Function = TypeVar("_Function", bound=Callable[..., Any])


class ShowingGroup(click.Group):
    """A group whose command is `show` where none is named: `sdxl-reg tags weipin`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does it, with `show` in front of what names no command."""
        names = [argument for argument in args if not argument.startswith("-")]
        if names and names[0] not in self.commands:
            if len(names) > 1:
                from sdxl_reg.errors import suggestion

                hint = suggestion(names[0], self.commands)
                raise click.UsageError(f"no such command: {names[0]!r}. {hint}", ctx)
            args = ["show", *args]
        return super().parse_args(ctx, args)


def edit_options(function: _Function) -> _Function:
    """Options of every command that edits: who does it, whether to do it, and the form."""
    preview = click.option(
        "--dry-run", is_flag=True, help="Say what it would do, and change nothing."
    )
    author = click.option("--author", metavar="NAME", help="Who does it, for the history.")
    return author(preview(json_option(function)))


def selection_options(function: _Function) -> _Function:
    """Options that say which images an edit is for."""
    selector = click.option(
        "--select", "selector", default="", metavar="SELECTOR", help="Which images: '**/spot'."
    )
    everything = click.option("--all", "takes_all", is_flag=True, help="All images of the set.")
    return selector(everything(function))


def chosen_by(selector: str, takes_all: bool) -> str:
    """The selector that `--select` and `--all` mean.

    Args:
        selector: What the user wrote.
        takes_all: Whether all are meant.

    Raises:
        UsageError: Neither is said, or both.
    """
    if bool(selector.strip()) == takes_all:
        raise click.UsageError("give either --select SELECTOR or --all")
    return selector
