"""`sdxl-reg crops show` and `propose`: buckets and proposed crops, as tables and contact sheets."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sdxl_reg_cli.console import json_option, print_json, print_table, progress_bar, say
from sdxl_reg_cli.crop_options import aspect_option, author_option, select_option, size_of
from sdxl_reg_cli.installation import opened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL import Image

    from sdxl_reg.catalog.buckets import BucketedPicture, BucketRow
    from sdxl_reg.catalog.crop_proposals import Proposal, Proposals
    from sdxl_reg.tables import Change


@click.command()
@click.argument("image_set")
@click.option(
    "--resolution",
    default="1024",
    show_default=True,
    metavar="SIDE|WxH",
    callback=size_of,
    help="Of the training, in pixels.",
)
@select_option
@click.option("--bucket", metavar="WxH", callback=size_of, help="Only this bucket, by pictures.")
@click.option("--no-upscale", is_flag=True, help="As with bucket_no_upscale: enlarge none.")
@click.option("--no-buckets", is_flag=True, help="As without enable_bucket: cut all alike.")
@click.option(
    "--step",
    type=click.Choice(["32", "64", "96", "128"]),
    help="Sides of buckets are multiples of it; by default 64, and 32 for a base of less than "
    "256 pixels.",
)
@click.option("--to", "sheet", type=click.Path(path_type=Path), help="Write a contact sheet here.")
@click.option(
    "--most", type=click.IntRange(min=1), default=24, show_default=True, help="Pictures a bucket."
)
@json_option
def show(
    image_set: str,
    resolution: tuple[int, int],
    selector: str,
    bucket: tuple[int, int] | None,
    no_upscale: bool,
    no_buckets: bool,
    step: str | None,
    sheet: Path | None,
    most: int,
    as_json: bool,
) -> None:
    """Show the buckets that training would sort IMAGE_SET into, and what each picture loses.

    On the sheet, what is cut away is dark; the frame is blue, orange where the part is enlarged,
    and yellow around a crop that was chosen.

    \b
    Examples:
      sdxl-reg crops show weipin --resolution 1024 --to buckets.png
      sdxl-reg crops show weipin --resolution 512 --bucket 512x512
    """
    from sdxl_reg.catalog.buckets import SDXL_SIDE, bucket_report
    from sdxl_reg.catalog.crop_sheets import bucket_sheet
    from sdxl_reg.catalog.images import find_image_set
    from sdxl_reg.store.database import reading
    from sdxl_reg.trainers.settings.data import DataSettings

    settings = DataSettings(
        enable_bucket=not no_buckets,
        bucket_no_upscale=no_upscale,
        bucket_reso_steps=int(step) if step else None,
    )
    with opened() as registry, reading(registry.engine) as session:
        found = find_image_set(session, image_set)
        rows = bucket_report(
            session,
            found,
            resolution=resolution,
            selector=selector,
            settings=settings,
            native=SDXL_SIDE if max(resolution) >= SDXL_SIDE // 4 else max(resolution),
        )
        rows = _only(rows, bucket) if bucket else rows
        if sheet is not None:
            with progress_bar() as advance:
                drawn = bucket_sheet(
                    registry.store, rows, background=found.background, most=most, progress=advance
                )
            _save(drawn, sheet)
    if as_json:
        print_json({"image_set": found.name, "buckets": [_bucket(row) for row in rows]})
    elif bucket is None:
        _print_buckets(rows)
    else:
        _print_pictures([picture for row in rows for picture in row.pictures])


@click.command()
@click.argument("image_set")
@click.option(
    "--method",
    default="edges",
    show_default=True,
    metavar="METHOD",
    help="edges, entropy, saliency, faces or centre.",
)
@aspect_option
@select_option
@click.option("--apply", "is_applied", is_flag=True, help="Store them; else they are only shown.")
@click.option("--to", "sheet", type=click.Path(path_type=Path), help="Write a contact sheet here.")
@author_option
@json_option
def propose(
    image_set: str,
    method: str,
    aspect: tuple[int, int],
    selector: str,
    is_applied: bool,
    sheet: Path | None,
    author: str | None,
    as_json: bool,
) -> None:
    """Find crops of one shape for the pictures of IMAGE_SET, and store them with --apply.

    Each is the largest part of that shape, with what there is to see in its middle. Stored crops
    are one change: `sdxl-reg crops undo` takes all of them back.

    \b
    Examples:
      sdxl-reg crops propose weipin --method edges --aspect 1:1 --to proposed.png
      sdxl-reg crops propose weipin --method faces --select 'qzy/**' --apply
    """
    from sdxl_reg.catalog.crop_proposals import apply
    from sdxl_reg.catalog.crop_proposals import propose as proposed
    from sdxl_reg.catalog.crop_sheets import proposal_sheet
    from sdxl_reg.catalog.images import find_image_set
    from sdxl_reg.store.database import reading, transaction

    change = None
    with opened() as registry:
        with reading(registry.engine) as session, progress_bar() as advance:
            found = find_image_set(session, image_set)
            proposals = proposed(
                session,
                registry.store,
                found,
                selector=selector,
                method=method,
                aspect=aspect,
                progress=advance,
            )
        if sheet is not None:
            _save(
                proposal_sheet(registry.store, proposals.found, background=found.background), sheet
            )
        if is_applied:
            with transaction(registry.engine) as session:
                here = find_image_set(session, image_set)
                change = apply(session, here, proposals.found, author=author)
    _print_proposals(proposals, change, as_json=as_json, is_applied=is_applied)


def _save(drawn: "Image.Image", sheet: Path) -> None:
    """As PNG, or as what the suffix says.

    Raises:
        UsageError: Pillow writes no such files.
    """
    try:
        drawn.save(sheet)
    except ValueError:
        raise click.UsageError(f"--to {sheet}: call it .png, .jpg or .webp") from None
    say(f"Wrote {sheet}: {drawn.width} × {drawn.height}")


def _only(rows: "Sequence[BucketRow]", bucket: tuple[int, int]) -> "list[BucketRow]":
    """The row of one bucket.

    Raises:
        NotFound: No picture comes into it.
    """
    from sdxl_reg.errors import NotFound

    found = [row for row in rows if row.size == bucket]
    if not found:
        raise NotFound("bucket with a picture", _name(bucket), [_name(row.size) for row in rows])
    return found


def _name(size: tuple[int, int] | None) -> str:
    return f"{size[0]}x{size[1]}" if size else "too small"


def _bucket(row: "BucketRow") -> dict[str, Any]:
    return {
        "size": row.size,
        "images": row.count,
        "showings": row.repeats,
        "enlarged": row.enlarged,
        "cut_away_share": round(row.cut_away_share, 6),
        "pictures": [
            {
                "path": picture.member.source_path,
                "size": (picture.member.width, picture.member.height),
                "crop": picture.crop,
                "taken": [round(edge, 6) for edge in picture.taken],
                "cut_away_share": round(picture.cut_away_share, 6),
                "enlarged": picture.is_enlarged,
            }
            for picture in row.pictures
        ],
    }


def _print_buckets(rows: "Sequence[BucketRow]") -> None:
    print_table(
        ["bucket", "images", "enlarged", "cut away", "at most", "such as"],
        [
            [
                _name(row.size),
                str(row.count),
                str(row.enlarged or ""),
                f"{row.cut_away_share:.1%}",
                f"{max(picture.cut_away_share for picture in row.pictures):.1%}",
                row.pictures[0].member.source_path,
            ]
            for row in rows
        ],
        right=frozenset({1, 2, 3, 4}),
    )
    pictures = [picture for row in rows for picture in row.pictures]
    enlarged = sum(picture.is_enlarged for picture in pictures)
    too_small = sum(row.count for row in rows if row.size is None)
    cropped = sum(picture.crop is not None for picture in pictures)
    say(
        f"{len(pictures)} pictures, buckets: {len(rows) - bool(too_small)}; {cropped} with a crop"
        + (f"; {enlarged} are enlarged" if enlarged else "")
        + (f"; {too_small} are too small to be trained without enlarging" if too_small else "")
    )


def _print_pictures(pictures: "Sequence[BucketedPicture]") -> None:
    print_table(
        ["path", "size", "crop", "cut away", ""],
        [
            [
                picture.member.source_path,
                f"{picture.member.width}x{picture.member.height}",
                _edges(picture.crop),
                f"{picture.cut_away_share:.1%}",
                "enlarged" if picture.is_enlarged else "",
            ]
            for picture in pictures
        ],
        right=frozenset({1, 3}),
    )


def _print_proposals(
    proposals: "Proposals", change: "Change | None", *, as_json: bool, is_applied: bool
) -> None:
    for path, why in proposals.unreadable.items():
        say(f"passed over {path}: {why}")
    if as_json:
        items = [_proposal(each) for each in proposals.found]
        print_json({"items": items, "change": change.id if change else None})
        return
    if not is_applied:
        print_table(
            ["path", "size", "looks at", "crop", "now"],
            [
                [
                    each.member.source_path,
                    f"{each.member.size[0]}x{each.member.size[1]}",
                    f"{each.focus[0]:.2f},{each.focus[1]:.2f}",
                    _edges(each.box),
                    _edges(each.member.crop),
                ]
                for each in proposals.found
            ],
            right=frozenset({1}),
        )
        say("Nothing is stored; --apply stores them")
    elif change is None:
        say("Nothing differs")
    else:
        replaced = sum(each.member.crop is not None for each in proposals.found)
        say(f"Recorded: {change.summary}" + (f"; {replaced} had one" if replaced else ""))


def _proposal(each: "Proposal") -> dict[str, Any]:
    return {
        "path": each.member.source_path,
        "size": each.member.size,
        "focus": each.focus,
        "crop": each.box,
        "now": each.member.crop,
    }


def _edges(box: "tuple[float, ...] | None") -> str:
    return ",".join(f"{edge:.3g}" for edge in box) if box else ""
