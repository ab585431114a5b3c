"""`sdxl-reg images`: the image sets, or the images of one."""

from typing import TYPE_CHECKING, Any

import click

from sdxl_reg_cli.console import json_option, print_json, print_table, say
from sdxl_reg_cli.installation import opened

if TYPE_CHECKING:
    from sdxl_reg.catalog.images import SetMember


@click.command()
@click.argument("image_set", required=False)
@click.option("--set", "set_option", metavar="NAME", help="The image set; the same as IMAGE_SET.")
@click.option(
    "--select",
    "--tag",
    "selector",
    default="",
    metavar="SELECTOR",
    help="Only these: 'qzy/** AND size:<512'.",
)
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True)
@click.option("--offset", type=click.IntRange(min=0), default=0, show_default=True)
@json_option
def images(
    image_set: str | None,
    set_option: str | None,
    selector: str,
    limit: int,
    offset: int,
    as_json: bool,
) -> None:
    """List the image sets, or the images of IMAGE_SET.

    A selector is a glob on tag paths (qzy/flawed/**, **/spot) or on one level (brand:qzy), or
    asks for caption: tokens: size: width: height: pixels: quality: format: is: path: similar:;
    they combine with AND, OR, NOT and parentheses. docs/tags.md explains them all.

    \b
    Examples:
      sdxl-reg images
      sdxl-reg images weipin --select '**/spot'
      sdxl-reg images weipin --select 'brand:qzy AND NOT state:flawless' --json
      sdxl-reg images weipin --select 'quality:blurred OR size:<512'
      sdxl-reg images weipin --select 'similar:qzy/flawed/spot/1.jpg~8'
    """
    name = image_set or set_option
    if name is None:
        if selector:
            raise click.UsageError(
                "--select needs an image set: sdxl-reg images NAME --select SELECTOR"
            )
        _list_sets(as_json=as_json)
    else:
        _list_images(name, selector=selector, limit=limit, offset=offset, as_json=as_json)


def _list_sets(*, as_json: bool) -> None:
    from sdxl_reg.catalog.images import image_sets
    from sdxl_reg.store.database import reading

    with opened() as registry, reading(registry.engine) as session:
        items: list[dict[str, Any]] = [
            {
                "name": summary.image_set.name,
                "images": summary.images,
                "members": summary.members,
                "missing": summary.missing,
                "layout": summary.image_set.layout,
                "source": summary.image_set.source,
            }
            for summary in image_sets(session)
        ]
    if as_json:
        print_json({"items": items})
        return
    rows = [
        [i["name"], str(i["images"]), str(i["missing"] or ""), i["layout"], i["source"]]
        for i in items
    ]
    columns = ["image set", "images", "missing", "levels", "folder"]
    print_table(columns, rows, right=frozenset({1, 2}))
    if not items:
        say("There is no image set yet: sdxl-reg ingest FOLDER")


def _list_images(name: str, *, selector: str, limit: int, offset: int, as_json: bool) -> None:
    from sdxl_reg.catalog.images import find_image_set, page_of_members
    from sdxl_reg.store.database import reading

    with opened() as registry, reading(registry.engine) as session:
        found = find_image_set(session, name)
        page = page_of_members(session, found, selector=selector, offset=offset, limit=limit)
    if as_json:
        print_json({"total": page.total, "items": [_document(member) for member in page.members]})
        return
    rows = [
        [m.source_path, f"{m.width}×{m.height}", m.format, _tags(m), m.caption, m.state.value]
        for m in page.members
    ]
    print_table(["path", "size", "format", "tags", "caption", "state"], rows)
    say(f"{len(page.members)} of {page.total}")
    if not page.total and selector:
        say(f"Nothing matches {selector!r}; see: sdxl-reg tags {name}")


def _tags(member: "SetMember") -> str:
    return ", ".join([member.tag_path, *member.more_tags])


def _document(member: "SetMember") -> dict[str, Any]:
    return {
        "id": member.member_id,
        "path": member.source_path,
        "sha256": member.sha256,
        "width": member.width,
        "height": member.height,
        "format": member.format,
        "tags": member.tag_path,
        "more_tags": list(member.more_tags),
        "caption": member.caption,
        "caption_source": member.caption_source,
        "state": member.state,
    }
