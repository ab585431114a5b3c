"""What the commands share in the terminal: results on stdout, everything else on stderr."""

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any, NoReturn, Protocol, TypeVar

import click

from sdxl_reg.errors import RegistryError


class Advance(Protocol):
    """Moves a progress bar."""

    def __call__(self, done: int, total: int, what: str, note: str = "") -> None:
        """Show how far a stage is."""


_Function = TypeVar("_Function", bound=Callable[..., Any])


def json_option(function: _Function) -> _Function:
    """Give a command the option `--json` (parameter `as_json`)."""
    option = click.option(
        "--json", "as_json", is_flag=True, help="Print one JSON document and nothing else."
    )
    return option(function)


def print_json(document: object) -> None:
    """Print one JSON document on stdout."""
    click.echo(json.dumps(document, default=_plain, indent=2, ensure_ascii=False))


def say(text: str) -> None:
    """A line for the user on stderr."""
    click.echo(text, err=True)


def show_error(code: str, message: str, *, as_json: bool, hint: str = "") -> None:
    """An error on stderr, and with `--json` as the one document on stdout too."""
    if as_json:
        print_json({"error": {"code": code, "message": message, "hint": hint}})
    click.echo(click.style("error: ", fg="red", bold=True) + message, err=True)
    if hint:
        click.echo(f"       {hint}", err=True)


def end_with(error: RegistryError, *, as_json: bool) -> NoReturn:
    """End with an error that is about what was printed; a printed document tells it itself."""
    if as_json:
        raise click.exceptions.Exit(error.exit_code)
    raise error


def print_table(
    columns: list[str], rows: list[list[str]], *, right: frozenset[int] = frozenset()
) -> None:
    """Print a plain table on stdout.

    Args:
        columns: The headings.
        rows: The cells, as text.
        right: Numbers of the columns that are set flush right.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)


def cell(value: object) -> str:
    """A value as a table shows it: nothing for none, four decimals for a fraction."""
    if value is None:
        return ""
    return f"{value:.4f}" if isinstance(value, float) else str(value)


@contextmanager
def progress_bar(*, as_events: bool = False) -> Iterator[Advance]:
    """A progress bar on stderr for as long as the context lasts; silent when nobody watches.

    Args:
        as_events: Tell a program instead: JSON lines on stderr, at most one a second.

    Yields:
        A function of (done, total, what) and a note to show behind the bar; a new `what` starts a
        new bar, no note leaves the last one.
    """
    if as_events and not sys.stderr.isatty():
        yield _Events().advance
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description:<16}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        tasks: dict[str, Any] = {}
        started: dict[str, float] = {}

        def advance(done: int, total: int, what: str, note: str = "") -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total, note="", rate="")
                started[what] = time.monotonic()
            rate = done / max(time.monotonic() - started[what], 0.1)
            bar.update(tasks[what], completed=done, total=total, rate=_rate(rate))
            if note:
                bar.update(tasks[what], note=note)

        yield advance


class _Events:
    """Progress as JSON lines: `{"event": "progress", "what": …, "done": …, "total": …}`."""

    def __init__(self) -> None:
        self._started: dict[str, float] = {}
        self._told = 0.0

    def advance(self, done: int, total: int, what: str, note: str = "") -> None:
        """Tell how far a stage is, now and then and at its end."""
        now = time.monotonic()
        started = self._started.setdefault(what, now)
        if now - self._told < 1.0 and done != total:
            return
        self._told = now
        per_s = done / max(now - started, 0.001)
        event = {"event": "progress", "what": what, "done": done, "total": total}
        event |= {"per_s": round(per_s, 1), "left_s": round((total - done) / max(per_s, 0.001), 1)}
        click.echo(json.dumps(event | ({"note": note} if note else {})), err=True)


def _rate(per_s: float) -> str:
    return f"{per_s:,.0f}/s" if per_s >= 10 else f"{per_s:.1f}/s"


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
