"""`sdxl-reg tags`: the tag tree of an image set."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from sdxl_reg_cli.console import json_option, print_json, say
from sdxl_reg_cli.installation import opened

if TYPE_CHECKING:
    from sdxl_reg.catalog.tags import TagNode


@click.command()
@click.argument("image_set")
@json_option
def tags(image_set: str, as_json: bool) -> None:
    """Show the tag tree of IMAGE_SET, with how many images lie below each tag.

    \b
    Example:
      sdxl-reg tags weipin
    """
    from sdxl_reg.catalog.images import find_image_set
    from sdxl_reg.catalog.tags import tag_tree
    from sdxl_reg.store.database import reading

    with opened() as registry, reading(registry.engine) as session:
        found = find_image_set(session, image_set)
        nodes = tag_tree(session, found)
    if as_json:
        print_json({"image_set": found.name, "tags": [_document(node) for node in nodes]})
        return
    say(f"{found.name}: {found.layout}")
    _print(nodes, depth=0)


def _document(node: "TagNode") -> dict[str, Any]:
    return {
        "name": node.name,
        "path": node.path,
        "level": node.level,
        "images": node.members_below,
        "children": [_document(child) for child in node.children],
    }


def _print(nodes: "Iterable[TagNode]", *, depth: int) -> None:
    for node in nodes:
        label = "  " * depth + node.name
        click.echo(f"{label:<40} {node.members_below:>6}  {node.level}")
        _print(node.children, depth=depth + 1)
