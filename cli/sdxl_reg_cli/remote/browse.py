"""What a server holds: image sets, lineage, projects, who did what."""

from typing import Any

import click

from sdxl_reg_cli.console import json_option, print_json, say
from sdxl_reg_cli.remote.server import connected, show_list

filter_option = click.option(
    "--filter", "wanted", default="", help="Only these: 'kind:lora AND created:>=2026-11-01'."
)
limit_option = click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True)


@click.command()
@click.argument("image_set", required=False)
@click.option(
    "--select", default="", metavar="SELECTOR", help="Only these: 'qzy/** AND size:<512'."
)
@filter_option
@limit_option
@json_option
def images(image_set: str | None, select: str, wanted: str, limit: int, as_json: bool) -> None:
    """List the image sets of the server (--filter), or the images of IMAGE_SET (--select)."""
    with connected() as client:
        if image_set is None:
            columns = {"image set": "name", "images": "images", "missing": "missing"}
            columns["layout"] = "layout"
            show_list(
                *(client, "image-sets"),
                columns=columns,
                limit=limit,
                as_json=as_json,
                filter=wanted,
            )
            return
        columns = {"path": "path", "tags": "tags", "caption": "caption"}
        where = ("image-sets", image_set, "images")
        show_list(client, *where, columns=columns, limit=limit, as_json=as_json, select=select)


@click.command()
@click.argument("reference")
@click.option("--depth", type=click.IntRange(min=1), help="How many steps; by default all.")
@click.option(
    "--direction",
    type=click.Choice(["up", "down", "both"]),
    default="both",
    show_default=True,
    help="What it was made from, what was made from it, or both.",
)
@json_option
def lineage(reference: str, depth: int | None, direction: str, as_json: bool) -> None:
    """Show what something was made from, and what from it.

    \b
    Example:
      sdxl-reg --server http://registry:8000 lineage weipin-lora@best --direction up
    """
    with connected() as client:
        found = client.get("lineage", reference, depth=depth, direction=direction)
    if as_json:
        print_json(found)
        return
    for edge in found["edges"]:
        run = f" by run {edge['run']}" if edge["run"] is not None else ""
        click.echo(f"{edge['from']} → {edge['to']}  as {edge['slot']}{run}")
    say(f"{len(found['nodes'])} nodes, {len(found['edges'])} edges")
    for cut in found["truncated"]:
        say(f"{cut['node']} has {cut['total']}, of which {cut['shown']} are shown")


@click.group()
def project() -> None:
    """List the projects of the server."""


@project.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the projects that you see, with your role in each."""
    with connected() as client:
        found = client.get("projects")
        show_document(found, as_json=as_json)


@click.command()
@limit_option
@json_option
def log(limit: int, as_json: bool) -> None:
    """Show what was done on the server, and by whom; for its admins."""
    with connected() as client:
        columns = {"when": "at", "who": "actor", "what": "verb", "of what": "subject"}
        show_list(client, "events", columns=columns, limit=limit, as_json=as_json)


def show_document(document: dict[str, Any], *, as_json: bool) -> None:
    """Print a document of the server, line by line or as JSON."""
    if as_json:
        print_json(document)
        return
    for name, value in document.items():
        for line in value if isinstance(value, list) else [value]:
            click.echo(f"{name:<14} {_line(line)}")


def _line(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {inner}" for name, inner in value.items() if inner is not None)
    return str(value)
