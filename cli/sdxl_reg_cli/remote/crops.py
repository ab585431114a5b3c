"""Crops of a server: chosen and taken away, and what is behind transparency."""

from typing import TYPE_CHECKING, Any

import click

from sdxl_reg_cli.console import json_option, print_json, say
from sdxl_reg_cli.crop_options import aspect_option, author_option, numbers, select_option
from sdxl_reg_cli.remote.server import connected, show_changes

if TYPE_CHECKING:
    from sdxl_reg.client import Client


@click.group()
def crops() -> None:
    """Choose which part of each picture of the server is trained; the files stay as they are."""


@crops.command("set")
@click.argument("image_set")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--box", metavar="L,T,R,B", help="Left, top, right, bottom as fractions, 0 to 1.")
@click.option("--focus", metavar="X,Y", help="The middle of the largest part of the shape.")
@aspect_option
@author_option
@json_option
def set_(
    image_set: str,
    paths: tuple[str, ...],
    box: str | None,
    focus: str | None,
    aspect: tuple[int, int],
    author: str | None,
    as_json: bool,
) -> None:
    """Choose the part of the pictures at PATH of IMAGE_SET that is trained and exported.

    All of them, or none where one is not there.
    """
    from sdxl_reg.imaging.crops import crop_box

    if (box is None) == (focus is None):
        raise click.UsageError("Give either --box or --focus")
    with connected() as client:
        found = _pictures(client, image_set, paths)
        if box is not None:
            boxes: list[Any] = [numbers(box, 4, "--box")] * len(found)
        else:
            x, y = numbers(str(focus), 2, "--focus")
            sizes = [(one["width"], one["height"]) for one in found]
            boxes = [crop_box(size, aspect, focus=(x, y)) for size in sizes]
        rows = [one["member"] for one in found]
        items = [{"member": row, "crop": part} for row, part in zip(rows, boxes, strict=True)]
        body = {"items": items, "author": author, "atomic": True}
        _tell(client.post("image-sets", image_set, "crops", body=body), as_json=as_json)


@crops.command()
@click.argument("image_set")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@select_option
@author_option
@json_option
def clear(
    image_set: str, paths: tuple[str, ...], selector: str, author: str | None, as_json: bool
) -> None:
    """Take the crops of IMAGE_SET away: those at PATH, those selected, or all."""
    if paths and selector:
        raise click.UsageError("Give either paths or --select")
    with connected() as client:
        if paths:
            found = _pictures(client, image_set, paths)
            items = [{"member": one["member"], "crop": None} for one in found]
            body: dict[str, Any] = {"items": items, "author": author, "atomic": True}
            said = client.post("image-sets", image_set, "crops", body=body)
        else:
            body = {"which": {"select": selector}, "author": author}
            said = client.post("image-sets", image_set, "crops", "clear", body=body)
    _tell(said, as_json=as_json)


@crops.command()
@click.argument("image_set")
@json_option
def undo(image_set: str, as_json: bool) -> None:
    """Take back the last change of IMAGE_SET's crops or background."""
    with connected() as client:
        said = client.post("image-sets", image_set, "undo", body={"of": "crops"})
    if as_json:
        print_json(said)
    else:
        say(said["summary"])


@crops.command()
@click.argument("image_set")
@click.option("--limit", type=click.IntRange(min=1, max=500), default=50, show_default=True)
@json_option
def changes(image_set: str, limit: int, as_json: bool) -> None:
    """List the changes of the crops of IMAGE_SET, the newest first."""
    show_changes(image_set, of="crops", limit=limit, as_json=as_json)


@crops.command()
@click.argument("image_set")
@click.argument("colour", required=False, metavar="[#RRGGBB]")
@author_option
@json_option
def background(image_set: str, colour: str | None, author: str | None, as_json: bool) -> None:
    """Show or choose the colour behind transparent parts of IMAGE_SET's pictures."""
    with connected() as client:
        said: dict[str, Any] = {"change": None}
        if colour:
            body = {"colour": colour, "author": author}
            said = client.post("image-sets", image_set, "background", body=body)
        found = client.get("image-sets", image_set)["background"]
    if as_json:
        print_json({"background": found, "changed": said["change"] is not None})
    else:
        click.echo(found)


def _pictures(client: "Client", image_set: str, paths: tuple[str, ...]) -> list[dict[str, Any]]:
    where = ("image-sets", image_set, "images")
    return [client.get(*where, path=path)["items"][0] for path in dict.fromkeys(paths)]


def _tell(said: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(said)
    else:
        change = said["change"]
        say(f"Recorded: {change['summary']}" if change else "Nothing differs")
