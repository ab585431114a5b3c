"""What a change of captions would come to, shown before it is done."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from sdxl_reg_cli.console import print_json, say
from sdxl_reg_cli.installation import opened

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from sdxl_reg.catalog.caption_rows import CaptionReport
    from sdxl_reg.tables import ImageSet

    Change = Callable[[Session, ImageSet, bool], CaptionReport]
    """A change of captions in a transaction; the last argument says that it is only tried."""

_STYLES: dict[str, dict[str, Any]] = {
    "same": {},
    "removed": {"fg": "red", "strikethrough": True},
    "added": {"fg": "green", "bold": True},
}
_MARKS = {"same": "{}", "removed": "[-{}-]", "added": "{{+{}+}}"}


def carry_out(
    image_set: str, change: "Change", *, dry_run: bool, yes: bool, show: int, as_json: bool
) -> None:
    """Show what a change of captions comes to, ask in a terminal, do it and say so.

    Args:
        image_set: Name of the set.
        change: What is tried first, and then done.
        dry_run: Whether it is only tried.
        yes: Whether nobody is asked.
        show: How many captions are shown before.
        as_json: Whether one JSON document is the answer.

    Raises:
        click.Abort: The user said no.
    """
    from sdxl_reg.catalog.images import find_image_set
    from sdxl_reg.store.database import reading, transaction

    is_asked = sys.stdin.isatty() and not (yes or as_json)
    with opened() as registry:
        if dry_run or is_asked:
            with reading(registry.engine) as session:
                report = change(session, find_image_set(session, image_set), True)
            if not as_json:
                _preview(report, show)
            if not dry_run and report.changed:
                click.confirm(f"Change {report.changed:,} captions?", abort=True, err=True)
        if not dry_run:
            with transaction(registry.engine) as session:
                report = change(session, find_image_set(session, image_set), False)
    if as_json:
        print_json(document(report))
    elif not dry_run:
        say_what_changed(report)


def document(report: "CaptionReport") -> dict[str, Any]:
    """A report as JSON."""
    return {
        "selected": report.selected,
        "changed": report.changed,
        "kept": {str(source): count for source, count in report.kept.items()},
        "change": report.change.id if report.change else None,
        "examples": [
            {"path": path, "before": before, "after": after}
            for path, before, after in report.examples
        ],
    }


def say_what_changed(report: "CaptionReport") -> None:
    """A report in words on stderr."""
    say(f"{report.changed:,} of {report.selected:,} captions changed")
    _tell_kept(report)
    if report.change:
        say("To take it back: sdxl-reg captions undo")


def styled_diff(before: str, after: str) -> str:
    """Two captions as one line, what changed in colour, or in marks where there is none."""
    from sdxl_reg.catalog.caption_diff import word_diff

    is_coloured = sys.stdout.isatty()
    return "".join(
        click.style(segment.text, **_STYLES[segment.kind])
        if is_coloured
        else _MARKS[segment.kind].format(segment.text)
        for segment in word_diff(before, after)
    )


def _preview(report: "CaptionReport", show: int) -> None:
    for path, before, after in report.examples[:show]:
        click.echo(click.style(path, dim=True))
        click.echo(f"  {styled_diff(before, after)}")
    further = report.changed - len(report.examples[:show])
    if further > 0:
        click.echo(f"… and {further:,} more")
    click.echo(f"{report.changed:,} of {report.selected:,} captions change")
    _tell_kept(report)


def _tell_kept(report: "CaptionReport") -> None:
    for source, count in sorted(report.kept.items()):
        say(f"{count:,} of {_WRITERS[str(source)]} stay; --over {source} replaces them too")


_WRITERS = {"sidecar": "a file", "tags": "tags", "person": "a person", "model": "a model"}
