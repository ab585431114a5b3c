"""`sdxl-reg captions`: show, change and look back at the captions of an image set."""

from typing import Any

import click

from sdxl_reg_cli.console import json_option, print_json, print_table, say
from sdxl_reg_cli.installation import opened


@click.group()
def captions() -> None:
    """Show or change captions; every earlier text is kept."""


@captions.command("list")
@click.argument("image_set")
@click.option("--tag", "selector", default="", metavar="SELECTOR", help="Only these: 'qzy/**'.")
@json_option
def list_captions(image_set: str, selector: str, as_json: bool) -> None:
    """List the captions of IMAGE_SET as training would see them.

    \b
    Example:
      sdxl-reg captions list weipin --tag '**/spot'
    """
    from sdxl_reg.catalog.images import find_image_set, members_of
    from sdxl_reg.store.database import reading

    with opened() as registry, reading(registry.engine) as session:
        members = members_of(session, find_image_set(session, image_set), selector)
    items: list[dict[str, Any]] = [
        {"path": m.source_path, "caption": m.caption, "source": m.caption_source} for m in members
    ]
    if as_json:
        print_json({"items": items})
        return
    rows = [[i["path"], i["caption"], i["source"] or ""] for i in items]
    print_table(["path", "caption", "source"], rows)


@captions.command("set")
@click.argument("image_set")
@click.argument("path")
@click.argument("text")
@click.option("--author", help="Who wrote it.")
def set_caption(image_set: str, path: str, text: str, author: str | None) -> None:
    """Make TEXT the caption of the picture at PATH of IMAGE_SET; an ingest never replaces it.

    \b
    Example:
      sdxl-reg captions set weipin qzy/flawed/spot/1.jpg "a white spot on the rim"
    """
    from sdxl_reg.catalog.captions import add_caption
    from sdxl_reg.catalog.images import find_image_set, find_member
    from sdxl_reg.store.database import transaction
    from sdxl_reg.vocabulary import CaptionSource

    with opened() as registry, transaction(registry.engine) as session:
        member = find_member(session, find_image_set(session, image_set), path)
        changed = add_caption(session, member.id, text, source=CaptionSource.PERSON, author=author)
    say("Recorded" if changed else "It is the caption already")


@captions.command()
@click.argument("image_set")
@click.argument("path")
@json_option
def history(image_set: str, path: str, as_json: bool) -> None:
    """Show every caption the picture at PATH of IMAGE_SET has had, the newest first."""
    from sdxl_reg.catalog.captions import caption_history
    from sdxl_reg.catalog.images import find_image_set, find_member
    from sdxl_reg.store.database import reading

    with opened() as registry, reading(registry.engine) as session:
        member = find_member(session, find_image_set(session, image_set), path)
        items = [
            {"text": c.text, "source": c.source, "author": c.author, "created_at": c.created_at}
            for c in caption_history(session, member.id)
        ]
    if as_json:
        print_json({"items": items})
        return
    rows = [
        [
            f"{i['created_at']:%Y-%m-%d %H:%M}",
            str(i["text"]),
            str(i["source"]),
            str(i["author"] or ""),
        ]
        for i in items
    ]
    print_table(["when", "caption", "source", "author"], rows)
