"""Tags of a server: its tree shown and edited, tags given to images and taken from them."""

from collections.abc import Iterable
from typing import Any

import click

from sdxl_reg_cli.console import json_option, print_json, say
from sdxl_reg_cli.remote.server import connected, show_changes
from sdxl_reg_cli.tag_options import ShowingGroup, chosen_by, edit_options, selection_options


@click.group(cls=ShowingGroup)
def tags() -> None:
    """Show the tag tree of an image set of the server, or edit tags.

    The tree is one for all image sets. Every edit can be undone.

    \b
    Example:
      sdxl-reg --server http://registry:8000 tags attach weipin review --select 'size:<512'
    """


@tags.command()
@click.argument("image_set")
@json_option
def show(image_set: str, as_json: bool) -> None:
    """Show the tag tree of IMAGE_SET, with how many images lie below each tag."""
    with connected() as client:
        found = client.get("image-sets", image_set)
    if as_json:
        print_json({"image_set": found["name"], "tags": found["tags"]})
        return
    say(f"{found['name']}: {found['layout']}")
    _print(found["tags"], depth=0)


@tags.command()
@click.argument("image_set")
@click.argument("tag")
@edit_options
def add(image_set: str, tag: str, **options: Any) -> None:
    """Make TAG, and the tags above it where they are missing."""
    _edit(image_set, "tags/tree", {"do": "add", "tag": tag}, **options)


@tags.command()
@click.argument("image_set")
@click.argument("tag")
@click.argument("name")
@edit_options
def rename(image_set: str, tag: str, name: str, **options: Any) -> None:
    """Call TAG by another NAME; the old name leads to it from now on."""
    _edit(image_set, "tags/tree", {"do": "rename", "tag": tag, "to": name}, **options)


@tags.command()
@click.argument("image_set")
@click.argument("tag")
@click.argument("below")
@edit_options
def move(image_set: str, tag: str, below: str, **options: Any) -> None:
    """Move TAG, with everything below it, under the tag BELOW; / is the root."""
    to = below.strip("/")
    _edit(image_set, "tags/tree", {"do": "move", "tag": tag, "to": to}, **options)


@tags.command()
@click.argument("image_set")
@click.argument("tag")
@click.argument("into")
@edit_options
def merge(image_set: str, tag: str, into: str, **options: Any) -> None:
    """Merge TAG into another tag; what has TAG has the other one afterwards."""
    _edit(image_set, "tags/tree", {"do": "merge", "tag": tag, "to": into}, **options)


@tags.command()
@click.argument("image_set")
@click.argument("tag")
@edit_options
def remove(image_set: str, tag: str, **options: Any) -> None:
    """Delete TAG, which no image has and below which there is no other tag."""
    _edit(image_set, "tags/tree", {"do": "remove", "tag": tag}, **options)


@tags.command()
@click.argument("image_set")
@click.argument("tag")
@selection_options
@edit_options
def attach(image_set: str, tag: str, selector: str, takes_all: bool, **options: Any) -> None:
    """Give TAG to the images of IMAGE_SET that are selected."""
    which = {"select": chosen_by(selector, takes_all)}
    _edit(image_set, "tags", {"do": "attach", "tag": tag, "which": which}, **options)


@tags.command()
@click.argument("image_set")
@click.argument("tag")
@selection_options
@edit_options
def detach(image_set: str, tag: str, selector: str, takes_all: bool, **options: Any) -> None:
    """Take TAG from the images of IMAGE_SET that are selected; tags below it stay."""
    which = {"select": chosen_by(selector, takes_all)}
    _edit(image_set, "tags", {"do": "detach", "tag": tag, "which": which}, **options)


@tags.command()
@click.argument("image_set")
@json_option
def undo(image_set: str, as_json: bool) -> None:
    """Take back the newest edit of the tags of IMAGE_SET, or of the tree, that still stands."""
    with connected() as client:
        said = client.post("image-sets", image_set, "undo", body={"of": "tags"})
    if as_json:
        print_json(said)
    else:
        say(said["summary"])


@tags.command()
@click.argument("image_set")
@click.option("--limit", type=click.IntRange(min=1, max=500), default=50, show_default=True)
@json_option
def history(image_set: str, limit: int, as_json: bool) -> None:
    """List the edits of the tags of IMAGE_SET and of the tree, the newest first."""
    show_changes(image_set, of="tags", limit=limit, as_json=as_json)


def _edit(
    image_set: str,
    path: str,
    body: dict[str, Any],
    *,
    author: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    asked = body | {"author": author, "dry_run": dry_run}
    with connected() as client:
        said = client.post("image-sets", image_set, *path.split("/"), body=asked)
    if as_json:
        print_json(said)
    else:
        say(("Dry run, nothing is changed. " if dry_run else "") + said["summary"])


def _print(nodes: Iterable[dict[str, Any]], *, depth: int) -> None:
    for node in nodes:
        label = "  " * depth + node["name"]
        click.echo(f"{label:<40} {node['members_below']:>6}  {node['level']}")
        _print(node["children"], depth=depth + 1)
