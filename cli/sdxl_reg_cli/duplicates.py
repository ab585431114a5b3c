"""`sdxl-reg duplicates`: pictures that are the same or nearly so, and tags that contradict."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sdxl_reg_cli.console import json_option, print_json, print_table, say
from sdxl_reg_cli.installation import opened

if TYPE_CHECKING:
    from sdxl_reg.catalog.likeness import Cluster, LabelConflict


@click.command()
@click.argument("image_set", required=False)
@click.option(
    "--distance",
    type=click.IntRange(0, 10),
    default=4,
    show_default=True,
    help="Bits of the perceptual hash in which near pictures may differ.",
)
@click.option("--select", "selector", default="", metavar="SELECTOR", help="Only these: 'qzy/**'.")
@click.option(
    "--across-labels", is_flag=True, help="Only clusters whose tags contradict, the worst first."
)
@click.option(
    "--to",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a contact sheet: FILE.png, or FILE.html.",
)
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True)
@json_option
def duplicates(
    image_set: str | None,
    distance: int,
    selector: str,
    across_labels: bool,
    to: Path | None,
    limit: int,
    as_json: bool,
) -> None:
    """Show pictures of IMAGE_SET, or of all sets, that are the same or nearly so.

    A cluster is a chain: its ends may be farther apart than the distance. The first picture of a
    cluster is the one to keep: the largest, of equally large ones a lossless file, then the
    sharpest. Flat pictures of one colour are near to none.

    \b
    Examples:
      sdxl-reg duplicates weipin
      sdxl-reg duplicates weipin --across-labels --to conflicts.html
      sdxl-reg duplicates weipin --distance 8 --json
    """
    if selector and image_set is None:
        raise click.UsageError("--select needs an image set: sdxl-reg duplicates NAME --select …")
    from sdxl_reg.catalog.contact_sheet import write_sheet
    from sdxl_reg.catalog.images import find_image_set
    from sdxl_reg.catalog.likeness import clusters_of, label_conflicts
    from sdxl_reg.store.database import reading

    with opened() as registry, reading(registry.engine) as session:
        of = find_image_set(session, image_set) if image_set else None
        found = clusters_of(session, of, distance=distance, select=selector)
        told = label_conflicts(found)
        shown = [one.cluster for one in told] if across_labels else found
        if to is not None:
            write_sheet(registry.store, shown[:limit], to)
    if as_json:
        print_json(_document(shown[:limit], told, total=len(shown)))
        return
    _show(shown[:limit], told, total=len(shown))
    if to is not None:
        say(f"{min(limit, len(shown))} clusters are on {to}")


def _show(shown: "list[Cluster]", told: "list[LabelConflict]", *, total: int) -> None:
    rows = [
        [str(len(c.members)), c.kind, ", ".join(c.labels), c.keep.source_path, _others(c)]
        for c in shown
    ]
    columns = ["pictures", "kind", "tags", "keep", "others"]
    print_table(columns, rows, right=frozenset({0}))
    more = sum(len(cluster.members) - 1 for cluster in shown)
    say(f"{len(shown)} of {total} clusters; {more} of their pictures could go")
    if told:
        worst = f"{told[0].cluster.keep.source_path} ({', '.join(told[0].labels)})"
        say(f"{len(told)} clusters carry tags that contradict, such as {worst}: --across-labels")


def _others(cluster: "Cluster") -> str:
    paths = [member.source_path for member in cluster.members[1:]]
    return ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")


def _document(shown: "list[Cluster]", told: "list[LabelConflict]", *, total: int) -> dict[str, Any]:
    conflict_of = {id(one.cluster): one for one in told}
    return {
        "total": total,
        "conflicts": len(told),
        "items": [
            {
                "kind": cluster.kind,
                "tags": cluster.labels,
                "keep": cluster.keep.source_path,
                "conflict": _conflict(conflict_of.get(id(cluster))),
                "members": [
                    {
                        "image_set": member.image_set,
                        "path": member.source_path,
                        "sha256": member.sha256,
                        "tags": member.tag_path,
                        "width": member.width,
                        "height": member.height,
                        "sharpness": member.sharpness,
                    }
                    for member in cluster.members
                ],
            }
            for cluster in shown
        ],
    }


def _conflict(one: "LabelConflict | None") -> dict[str, Any] | None:
    if one is None:
        return None
    return {
        "tags": one.labels,
        "distance": one.distance,
        "is_same_picture": one.is_same_picture,
    }
