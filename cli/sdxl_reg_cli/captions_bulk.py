"""`sdxl-reg captions template`, `replace` and `tags`: many captions changed at once."""

from typing import TYPE_CHECKING, Any

import click

from sdxl_reg_cli.caption_options import (
    bulk_options,
    pair_of,
    replace_options,
    sources_of,
    template_options,
)
from sdxl_reg_cli.caption_preview import carry_out

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from sdxl_reg.catalog.caption_edits import How
    from sdxl_reg.catalog.caption_rows import CaptionReport
    from sdxl_reg.tables import ImageSet


@click.command(
    epilog="""\b
Examples:
  sdxl-reg captions template weipin "{brand}, {state}, {defect}, black background"
  sdxl-reg captions template weipin --suffix "black background" --trigger wpnshirt
  sdxl-reg captions template weipin --word flawless= --word "spot=white spot"
  sdxl-reg captions template weipin "{trigger}, {caption}" --trigger wpnshirt --over model
"""
)
@template_options
@bulk_options
def template(
    image_set: str,
    template: str,
    prefix: str,
    suffix: str,
    trigger: str,
    words: tuple[str, ...],
    separator: str,
    over: tuple[str, ...],
    selector: str,
    author: str | None,
    **options: Any,
) -> None:
    """Caption IMAGE_SET by a TEMPLATE.

    Its places are {tags}, {brand} and the other levels, {set}, {name} of the file, {trigger}, and
    {caption} for what the caption was. A place without a tag is left out with its comma. Pictures
    without a caption always get one. Without --select the template stays the set's: new pictures
    get it when they are ingested.
    """
    said = dict(pair_of(word) for word in words)
    sources = sources_of(over)

    def change(session: "Session", found: "ImageSet", dry_run: bool) -> "CaptionReport":
        from sdxl_reg.catalog.caption_edits import OVER_BY_DEFAULT, apply_template

        return apply_template(
            session,
            found,
            template,
            select=selector,
            prefix=prefix,
            suffix=suffix,
            trigger=trigger,
            words=said,
            separator=separator,
            over=sources if over else OVER_BY_DEFAULT,
            author=author,
            dry_run=dry_run,
        )

    carry_out(image_set, change, **options)


@click.command(
    epilog="""\b
Examples:
  sdxl-reg captions replace weipin spot "white spot" --tag
  sdxl-reg captions replace weipin "(\\w+) backdrop" "\\1 background" --regex --dry-run
"""
)
@replace_options
@bulk_options
def replace(
    image_set: str,
    search: str,
    replacement: str,
    how: "How",
    ignore_case: bool,
    selector: str,
    author: str | None,
    **options: Any,
) -> None:
    """Replace SEARCH in the captions of IMAGE_SET; an empty REPLACEMENT takes it out."""

    def change(session: "Session", found: "ImageSet", dry_run: bool) -> "CaptionReport":
        from sdxl_reg.catalog import caption_edits

        return caption_edits.replace(
            session,
            found,
            search,
            replacement,
            how=how,
            select=selector,
            ignore_case=ignore_case,
            author=author,
            dry_run=dry_run,
        )

    carry_out(image_set, change, **options)


@click.group()
def tags() -> None:
    """Change captions as lists of tags between commas."""


@tags.command("add")
@click.argument("image_set")
@click.argument("words", nargs=-1, required=True)
@click.option("--at", type=click.Choice(["start", "end"]), default="end", show_default=True)
@bulk_options
def add_tags(image_set: str, words: tuple[str, ...], at: str, **options: Any) -> None:
    """Add WORDS to the captions of IMAGE_SET that do not have them."""
    _edit(image_set, options, add=words, at=at)


@tags.command("remove")
@click.argument("image_set")
@click.argument("words", nargs=-1, required=True)
@bulk_options
def remove_tags(image_set: str, words: tuple[str, ...], **options: Any) -> None:
    """Take WORDS out of the captions of IMAGE_SET."""
    _edit(image_set, options, remove=words)


@tags.command("sort")
@click.argument("image_set")
@bulk_options
def sort_tags(image_set: str, **options: Any) -> None:
    """Put the tags of every caption in the order of the alphabet, each once."""
    _edit(image_set, options, order="sorted")


@tags.command("deduplicate")
@click.argument("image_set")
@bulk_options
def deduplicate_tags(image_set: str, **options: Any) -> None:
    """Leave each tag of a caption once, where it stood first."""
    _edit(image_set, options)


def _edit(image_set: str, options: dict[str, Any], **edit: Any) -> None:
    selector, author = options.pop("selector"), options.pop("author")

    def change(session: "Session", found: "ImageSet", dry_run: bool) -> "CaptionReport":
        from sdxl_reg.catalog.caption_edits import edit_tags

        return edit_tags(session, found, select=selector, author=author, dry_run=dry_run, **edit)

    carry_out(image_set, change, **options)
