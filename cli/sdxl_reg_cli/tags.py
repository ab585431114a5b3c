"""`sdxl-reg tags`: show the tag tree of an image set, and edit it."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import click

from sdxl_reg_cli.console import json_option, print_json, print_table, say
from sdxl_reg_cli.installation import opened
from sdxl_reg_cli.tag_options import (
    ShowingGroup,
    chosen_by,
    edit_options,
    selection_options,
)

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from sdxl_reg.catalog.tag_reports import EditReport
    from sdxl_reg.catalog.tags import TagNode
    from sdxl_reg.tables import ImageSet


@click.group(cls=ShowingGroup)
def tags() -> None:
    """Show the tag tree of an image set, or edit tags.

    The tree is one for all image sets: to rename, move or merge a tag concerns every set that
    uses it. Old names of a tag lead to it, also when folders are ingested again. Every edit can
    be undone. Selectors are explained in docs/tags.md.

    \b
    Examples:
      sdxl-reg tags weipin
      sdxl-reg tags add weipin qzy/flawed/scratch
      sdxl-reg tags attach weipin qzy/flawed/scratch --select 'caption:scratch'
      sdxl-reg tags merge weipin qzy/flawed/stain qzy/flawed/spot
      sdxl-reg tags undo weipin
    """


@tags.command()
@click.argument("image_set")
@json_option
def show(image_set: str, as_json: bool) -> None:
    """Show the tag tree of IMAGE_SET, with how many images lie below each tag.

    \b
    Examples:
      sdxl-reg tags weipin
      sdxl-reg tags show weipin --json
    """
    from sdxl_reg.catalog.images import find_image_set
    from sdxl_reg.catalog.tags import tag_tree, unused_tags
    from sdxl_reg.store.database import reading

    with opened() as registry, reading(registry.engine) as session:
        found = find_image_set(session, image_set)
        nodes = tag_tree(session, found)
        unused = [tag.path for tag in unused_tags(session)]
    if as_json:
        print_json(
            {
                "image_set": found.name,
                "tags": [_document(node) for node in nodes],
                "unused": unused,
            }
        )
        return
    say(f"{found.name}: {found.layout}")
    _print(nodes, depth=0)
    if unused:
        say("No image of any set has: " + ", ".join(unused))


@tags.command()
@click.argument("image_set")
@click.argument("tag")
@edit_options
def add(image_set: str, tag: str, **options: Any) -> None:
    """Make TAG, and the tags above it where they are missing.

    \b
    Example:
      sdxl-reg tags add weipin qzy/flawed/scratch
    """
    from sdxl_reg.catalog import tag_edits

    _edit(image_set, lambda session, found, by: tag_edits.add(session, found, tag, **by), **options)


@tags.command()
@click.argument("image_set")
@click.argument("tag")
@click.argument("name")
@edit_options
def rename(image_set: str, tag: str, name: str, **options: Any) -> None:
    """Call TAG by another NAME; the old name leads to it from now on.

    \b
    Example:
      sdxl-reg tags rename weipin qzy/flawed/spot speck
    """
    from sdxl_reg.catalog import tag_edits

    _edit(
        image_set,
        lambda session, found, by: tag_edits.rename(session, found, tag, name, **by),
        **options,
    )


@tags.command()
@click.argument("image_set")
@click.argument("tag")
@click.argument("below")
@edit_options
def move(image_set: str, tag: str, below: str, **options: Any) -> None:
    """Move TAG, with everything below it, under the tag BELOW; / is the root.

    \b
    Examples:
      sdxl-reg tags move weipin qzy/spot qzy/flawed
      sdxl-reg tags move weipin qzy/flawed/lot7 /
    """
    from sdxl_reg.catalog import tag_edits

    _edit(
        image_set,
        lambda session, found, by: tag_edits.move(session, found, tag, below, **by),
        **options,
    )


@tags.command()
@click.argument("image_set")
@click.argument("tag")
@click.argument("into")
@edit_options
def merge(image_set: str, tag: str, into: str, **options: Any) -> None:
    """Merge TAG into another tag; what has TAG has the other one afterwards.

    Tags below TAG go along. A later ingest of a folder named TAG lands on the other tag.

    \b
    Example:
      sdxl-reg tags merge weipin qzy/flawed/stain qzy/flawed/spot
    """
    from sdxl_reg.catalog import tag_edits

    _edit(
        image_set,
        lambda session, found, by: tag_edits.merge(session, found, tag, into, **by),
        **options,
    )


@tags.command()
@click.argument("image_set")
@click.argument("tag")
@edit_options
def remove(image_set: str, tag: str, **options: Any) -> None:
    """Delete TAG, which no image has and below which there is no other tag.

    \b
    Example:
      sdxl-reg tags remove weipin qzy/flawed/scratch
    """
    from sdxl_reg.catalog import tag_edits

    _edit(
        image_set, lambda session, found, by: tag_edits.remove(session, found, tag, **by), **options
    )


@tags.command()
@click.argument("image_set")
@click.argument("tag")
@selection_options
@edit_options
def attach(image_set: str, tag: str, selector: str, takes_all: bool, **options: Any) -> None:
    """Give TAG to the images of IMAGE_SET that are selected.

    \b
    Examples:
      sdxl-reg tags attach weipin qzy/flawed/scratch --select 'caption:scratch'
      sdxl-reg tags attach weipin review --select 'quality:blurred OR size:<512' --dry-run
    """
    from sdxl_reg.catalog import tag_edits

    chosen = chosen_by(selector, takes_all)
    _edit(
        image_set,
        lambda session, found, by: tag_edits.attach(session, found, chosen, tag, **by),
        **options,
    )


@tags.command()
@click.argument("image_set")
@click.argument("tag")
@selection_options
@edit_options
def detach(image_set: str, tag: str, selector: str, takes_all: bool, **options: Any) -> None:
    """Take TAG from the images of IMAGE_SET that are selected; tags below it stay.

    \b
    Example:
      sdxl-reg tags detach weipin review --all
    """
    from sdxl_reg.catalog import tag_edits

    chosen = chosen_by(selector, takes_all)
    _edit(
        image_set,
        lambda session, found, by: tag_edits.detach(session, found, chosen, tag, **by),
        **options,
    )


@tags.command()
@click.argument("image_set")
@json_option
def undo(image_set: str, as_json: bool) -> None:
    """Take back the newest edit of the tags of IMAGE_SET, or of the tree, that still stands.

    \b
    Example:
      sdxl-reg tags undo weipin
    """
    from sdxl_reg.catalog.images import find_image_set
    from sdxl_reg.catalog.tag_edits import undo_tags
    from sdxl_reg.store.database import transaction

    with opened() as registry, transaction(registry.engine) as session:
        change = undo_tags(session, find_image_set(session, image_set))
    if as_json:
        print_json({"undone": {"verb": change.verb, "summary": change.summary}})
    else:
        say(f"Undone: {change.summary}")


@tags.command()
@click.argument("image_set")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True)
@json_option
def history(image_set: str, limit: int, as_json: bool) -> None:
    """List the edits of the tags of IMAGE_SET and of the tree, the newest first.

    \b
    Example:
      sdxl-reg tags history weipin
    """
    from sdxl_reg.catalog.images import find_image_set
    from sdxl_reg.catalog.journal import changes
    from sdxl_reg.store.database import reading

    with opened() as registry, reading(registry.engine) as session:
        found = find_image_set(session, image_set)
        items = [
            {
                "verb": change.verb,
                "summary": change.summary,
                "author": change.author,
                "created_at": change.created_at,
                "undone_at": change.undone_at,
            }
            for change in changes(session, "tags.", image_set=found, limit=limit)
        ]
    if as_json:
        print_json({"items": items})
        return
    print_table(["when", "what", "who", "undone"], [_history_row(item) for item in items])


def _edit(
    image_set: str,
    edit: "Callable[[Session, ImageSet, dict[str, str | None]], EditReport]",
    *,
    author: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    from sdxl_reg.catalog.images import find_image_set
    from sdxl_reg.store.database import transaction

    with opened() as registry, transaction(registry.engine) as session:
        report = edit(session, find_image_set(session, image_set), {"author": author})
        if dry_run:
            session.rollback()
    if as_json:
        print_json(
            {
                "members": report.members,
                "changed": report.change is not None and not dry_run,
                "summary": report.summary,
                "elsewhere": [{"image_set": n, "members": m} for n, m in report.elsewhere],
            }
        )
    else:
        say(("Dry run, nothing is changed. " if dry_run else "") + report.summary)


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


def _history_row(item: dict[str, Any]) -> list[str]:
    return [
        f"{item['created_at']:%Y-%m-%d %H:%M}",
        item["summary"],
        item["author"] or "",
        f"{item['undone_at']:%Y-%m-%d %H:%M}" if item["undone_at"] else "",
    ]
