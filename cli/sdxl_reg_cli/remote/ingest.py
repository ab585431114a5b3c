"""`sdxl-reg --server URL ingest`: a folder of this machine becomes image sets of the server."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sdxl_reg.errors import UsageError
from sdxl_reg_cli.console import json_option, print_json, progress_bar, say
from sdxl_reg_cli.ingest_layout import NewSet, agree, is_asked, table_lines
from sdxl_reg_cli.ingest_options import folder_options
from sdxl_reg_cli.ingest_report import print_report
from sdxl_reg_cli.remote.server import connected

if TYPE_CHECKING:
    from sdxl_reg.client import Client


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@folder_options
@click.option("--link/--copy", "link", default=None, help="A server always keeps copies.")
@click.option(
    "--project",
    envvar="SDXL_REG_PROJECT",
    help="Whose new sets are. [default: main, or the only one where you may write]",
)
@json_option
def ingest(
    folder: Path,
    link: bool | None,
    watch: bool,
    yes: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Have the server record the pictures of FOLDER, a folder of this machine; it is only read.

    It is read as on one's own machine: first-level folders become image sets, folders below them
    tags, files beside pictures captions. What was decided is told first, in a terminal as a table
    to agree to. Then the files are sent whose bytes the server does not know; run it again after
    a break, and the rest is sent.

    \b
    Examples:
      sdxl-reg --server https://registry.example ingest products/
      sdxl-reg --server https://registry.example ingest photos/ --as weipin --yes
    """
    if link:
        raise UsageError(
            "a server cannot point at files of this machine", remedy="Leave --link out"
        )
    with connected() as client:
        _once(client, folder, options, ask=not (yes or as_json), as_json=as_json)
        if watch:
            _watch(client, folder, options, as_json=as_json)


def _once(
    client: "Client", folder: Path, options: dict[str, Any], *, ask: bool, as_json: bool
) -> None:
    from sdxl_reg.client.folders import (
        announce_folder,
        commit_folder,
        forget_folder,
        send_files,
    )

    with progress_bar(as_events=as_json) as advance:
        sent = announce_folder(client, folder, options, advance=advance)
    try:
        _show_plan(sent.plan, ask=ask)
    except click.Abort:
        forget_folder(client, sent.key)
        raise
    with progress_bar(as_events=as_json) as advance:
        send_files(client, sent, advance=advance)
        report = commit_folder(client, sent, advance=advance)
    if as_json:
        print_json(report)
    else:
        print_report(report)


def _show_plan(plan: dict[str, Any], *, ask: bool) -> None:
    say(plan["layout"])
    if plan["missing"]:
        say(f"To send: {plan['missing']:,} files, {plan['missing_bytes']:,} bytes")
    for one in plan["sets"]:
        counts = [f"{one[name]:,} {name}" for name in ("new", "changed", "gone") if one[name]]
        if counts and not one["is_new"]:
            say(f"{one['name']}: {', '.join(counts)}")
    new: list[NewSet] = [
        (
            one["name"],
            {tuple(path.split("/")) if path else (): count for path, count in one["tags"].items()},
        )
        for one in plan["sets"]
        if one["is_new"]
    ]
    if new and is_asked(ask=ask):
        agree(table_lines(plan["levels"], new))


def _watch(client: "Client", folder: Path, options: dict[str, Any], *, as_json: bool) -> None:
    """Send again after every change, until interrupted; a document each with --json."""
    from watchfiles import watch

    say(f"Watching {folder}; stop with Ctrl-C")
    for _ in watch(folder, debounce=2_000, raise_interrupt=True):
        _once(client, folder, options, ask=False, as_json=as_json)
