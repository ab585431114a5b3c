"""`sdxl-reg crops`: which part of each picture is trained, and what is behind transparency."""

from typing import TYPE_CHECKING, Any

import click

from sdxl_reg_cli.console import json_option, print_json, say
from sdxl_reg_cli.crop_options import aspect_option, author_option, numbers, select_option
from sdxl_reg_cli.crop_views import propose, show
from sdxl_reg_cli.installation import opened

if TYPE_CHECKING:
    from sdxl_reg.tables import Change


@click.group()
def crops() -> None:
    """Show or choose which part of each picture is trained; the files stay as they are."""


crops.add_command(show)
crops.add_command(propose)


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

    Fractions are of the picture as it is seen, upright. A box is kept as it is given; buckets of
    another shape then cut it around its middle.

    \b
    Examples:
      sdxl-reg crops set weipin qzy/flawed/spot/1.jpg --box 0.1,0.1,0.9,0.9
      sdxl-reg crops set weipin qzy/flawed/spot/1.jpg --focus 0.5,0.3 --aspect 3:4
    """
    from sdxl_reg.catalog.crops import croppable, set_crops
    from sdxl_reg.catalog.images import find_image_set
    from sdxl_reg.imaging.crops import crop_box
    from sdxl_reg.store.database import transaction

    if (box is None) == (focus is None):
        raise click.UsageError("Give either --box or --focus")
    with opened() as registry, transaction(registry.engine) as session:
        found = find_image_set(session, image_set)
        boxes: dict[int, Any] = {}
        for member in croppable(session, found, paths=paths):
            if box is not None:
                boxes[member.member_id] = numbers(box, 4, "--box")
            else:
                x, y = numbers(str(focus), 2, "--focus")
                boxes[member.member_id] = crop_box(member.size, aspect, focus=(x, y))
        change = set_crops(session, found, boxes, author=author)
    _tell(change, as_json=as_json)


@crops.command()
@click.argument("image_set")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@select_option
@author_option
@json_option
def clear(
    image_set: str, paths: tuple[str, ...], selector: str, author: str | None, as_json: bool
) -> None:
    """Take the crops of IMAGE_SET away: those at PATH, those selected, or all.

    \b
    Examples:
      sdxl-reg crops clear weipin qzy/flawed/spot/1.jpg
      sdxl-reg crops clear weipin --select 'lsbr/**'
    """
    from sdxl_reg.catalog.crops import clear_crops, croppable
    from sdxl_reg.catalog.images import find_image_set
    from sdxl_reg.store.database import transaction

    if paths and selector:
        raise click.UsageError("Give either paths or --select")
    with opened() as registry, transaction(registry.engine) as session:
        found = find_image_set(session, image_set)
        members = croppable(session, found, selector=selector, paths=paths)
        chosen = [member.member_id for member in members]
        change = clear_crops(session, found, chosen, author=author)
    _tell(change, as_json=as_json)


@crops.command()
@click.argument("image_set")
@json_option
def undo(image_set: str, as_json: bool) -> None:
    """Take back the last change of IMAGE_SET's crops or background."""
    from sdxl_reg.catalog.crops import undo_last
    from sdxl_reg.catalog.images import find_image_set
    from sdxl_reg.store.database import transaction

    with opened() as registry, transaction(registry.engine) as session:
        change = undo_last(session, find_image_set(session, image_set))
    if as_json:
        print_json({"undone": {"id": change.id, "summary": change.summary}})
    else:
        say(f"Undone: {change.summary}")


@crops.command()
@click.argument("image_set")
@click.argument("colour", required=False, metavar="[#RRGGBB]")
@author_option
@json_option
def background(image_set: str, colour: str | None, author: str | None, as_json: bool) -> None:
    """Show or choose the colour behind transparent parts of IMAGE_SET's pictures.

    Datasets that are frozen from now on train and export with it; earlier ones keep theirs.

    \b
    Example:
      sdxl-reg crops background weipin '#000000'
    """
    from sdxl_reg.catalog.crops import set_background
    from sdxl_reg.catalog.images import find_image_set
    from sdxl_reg.store.database import transaction

    with opened() as registry, transaction(registry.engine) as session:
        found = find_image_set(session, image_set)
        change = set_background(session, found, colour, author=author) if colour else None
    if as_json:
        print_json({"background": found.background, "changed": change is not None})
    else:
        click.echo(found.background)


def _tell(change: "Change | None", *, as_json: bool) -> None:
    if as_json:
        said = {"id": change.id, "summary": change.summary} if change else None
        print_json({"change": said})
    else:
        say(f"Recorded: {change.summary}" if change else "Nothing differs")
