"""`sdxl-reg embed` and `sdxl-reg search`: pictures by words, or by what they look like."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sdxl_reg_cli.console import json_option, print_json, print_table, progress_bar, say
from sdxl_reg_cli.installation import Installation, opened

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from sqlalchemy.orm import Session

    from sdxl_reg.tables import ImageSet

_WEIGHTS = click.option(
    "--weights",
    required=True,
    metavar="PATH-OR-HUB-NAME",
    help="A CLIP: a folder, or a name of the Hugging Face hub that is on this machine.",
)


@click.command()
@click.argument("image_set")
@_WEIGHTS
@click.option("--batch-size", type=click.IntRange(min=1), default=16, show_default=True)
@click.option("--device", default="", help="cpu or cuda. [default: a GPU where there is one]")
@json_option
def embed(image_set: str, weights: str, batch_size: int, device: str, as_json: bool) -> None:
    """Have a CLIP look at the pictures of IMAGE_SET, so that they can be searched.

    Pictures it has looked at are not looked at again; after an interruption the same command goes
    on from there.

    \b
    Examples:
      sdxl-reg embed weipin --weights openai/clip-vit-large-patch14
      sdxl-reg embed weipin --weights ./clip --device cpu
    """
    from sdxl_reg.catalog.embeddings import embed as look_at

    with opened() as registry, progress_bar() as advance:
        found = look_at(
            registry.engine,
            registry.store,
            image_set,
            weights=weights,
            batch_size=batch_size,
            device=device,
            progress=advance,
        )
    if as_json:
        print_json(
            {
                "network": found.network,
                "looked_at": found.looked_at,
                "known": found.known,
                "faults": found.faults,
            }
        )
        return
    say(f"looked at {found.looked_at} pictures, {found.known} were known ({found.network})")
    for sha256, fault in found.faults.items():
        say(f"could not look at {sha256[:12]}: {fault}")


@click.command()
@click.argument("image_set")
@click.argument("text", required=False)
@_WEIGHTS
@click.option("--like", metavar="IMAGE", help="A picture file, a path in the set, or a SHA-256.")
@click.option("--select", "selector", default="", metavar="SELECTOR", help="Only these: 'qzy/**'.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True)
@json_option
def search(
    image_set: str,
    text: str | None,
    weights: str,
    like: str | None,
    selector: str,
    limit: int,
    as_json: bool,
) -> None:
    """Find pictures of IMAGE_SET that look as TEXT says, or like another picture.

    Every picture that `embed` looked at is compared; nothing is approximate.

    \b
    Examples:
      sdxl-reg search weipin "white spot on a shirt" --weights openai/clip-vit-large-patch14
      sdxl-reg search weipin --like photo.jpg --weights ./clip
    """
    if (text is None) == (like is None):
        raise click.UsageError("give either TEXT or --like IMAGE")
    from sdxl_reg.catalog.embeddings import search as find
    from sdxl_reg.catalog.embeddings import text_vector
    from sdxl_reg.catalog.images import find_image_set
    from sdxl_reg.store.database import reading

    with opened() as registry, reading(registry.engine) as session:
        found = find_image_set(session, image_set)
        vector = (
            text_vector(weights, text)
            if text is not None
            else _of_picture(registry, session, found, like or "", weights)
        )
        hits = find(session, found, vector, weights=weights, select=selector, limit=limit)
    if as_json:
        items = [
            {"path": hit.source_path, "sha256": hit.sha256, "cosine": hit.cosine} for hit in hits
        ]
        print_json({"items": items})
        return
    rows = [[f"{hit.cosine:.3f}", hit.source_path, hit.sha256[:12]] for hit in hits]
    print_table(["likeness", "path", "sha256"], rows, right=frozenset({0}))


def _of_picture(
    registry: Installation, session: "Session", image_set: "ImageSet", like: str, weights: str
) -> "NDArray[np.float32]":
    from sdxl_reg.catalog.embeddings import image_vector, picture_vector
    from sdxl_reg.catalog.images import find_image, find_member
    from sdxl_reg.errors import NotFound

    if Path(like).is_file():
        return picture_vector(weights, Path(like))
    try:
        image = find_member(session, image_set, like).image
    except NotFound:
        image = find_image(session, like)
    known = image_vector(session, image, weights=weights)
    if known is not None:
        return known
    return picture_vector(weights, registry.store.path(image.blob.sha256))
