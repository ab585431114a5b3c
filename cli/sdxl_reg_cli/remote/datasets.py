"""Datasets of a server: frozen, looked at, compared, and fetched as another program reads them."""

from collections import Counter
from pathlib import Path
from typing import Any

import click

from sdxl_reg_cli.console import json_option, print_json, print_table, progress_bar, say
from sdxl_reg_cli.dataset_options import (
    EXPORT_EPILOG,
    export_options,
    freeze_options,
    share_or_selector,
)
from sdxl_reg_cli.remote.browse import filter_option, limit_option, show_document
from sdxl_reg_cli.remote.server import connected, show_list


@click.command()
@filter_option
@limit_option
@json_option
def datasets(wanted: str, limit: int, as_json: bool) -> None:
    """List the frozen datasets of the server."""
    with connected() as client:
        columns = {"dataset": "ref", "images": "images", "frozen": "created_at"}
        show_list(client, "datasets", columns=columns, limit=limit, as_json=as_json, filter=wanted)


@click.group()
def dataset() -> None:
    """Freeze, show, compare or fetch a dataset of the server."""


@dataset.command()
@freeze_options
@json_option
def freeze(
    name: str,
    image_set: str,
    selector: str,
    validation: str | None,
    balance: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Freeze an image set of the server, or a part of it, as the next version of a dataset.

    Freezing again without a change gives the same version.

    \b
    Example:
      sdxl-reg --server http://registry:8000 dataset freeze weipin --validation 0.1
    """
    body = {
        "name": name,
        "image_set": image_set,
        "select": selector,
        "validation": share_or_selector(validation),
        "balance": balance,
        "dry_run": dry_run,
    }
    with connected() as client:
        found = client.post("datasets", body=body)
    if as_json:
        print_json(found)
        return
    counts = ", ".join(f"{count} {split}" for split, count in found["splits"].items())
    would = "Dry run, nothing is stored. " if dry_run else ""
    say(f"{would}{found['ref']}: {found['images']} images ({counts}), {found['digest'][:12]}")


@dataset.command()
@click.argument("reference")
@json_option
def show(reference: str, as_json: bool) -> None:
    """Show a frozen dataset: its splits, its digest, what was trained on it."""
    with connected() as client:
        show_document(client.get("datasets", reference), as_json=as_json)


@dataset.command()
@click.argument("before", metavar="BEFORE")
@click.argument("after", metavar="[AFTER]", required=False)
@json_option
def diff(before: str, after: str | None, as_json: bool) -> None:
    """Show how much changed between two dataset versions; with one, from the one before it.

    With --json also which pictures.
    """
    with connected() as client:
        found = client.get("datasets", after or before, "diff", before=before if after else None)
    if as_json:
        print_json(found)
        return
    rows = [[what, str(count)] for what, count in found["counts"].items() if count]
    print_table([f"{found['before']} → {found['after']}", "images"], rows, right=frozenset({1}))


@dataset.command()
@click.argument("reference")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def manifest(reference: str, file: Path) -> None:
    """Fetch the manifest of a dataset version: JSON lines, its SHA-256 is the digest."""
    with connected() as client:
        file.write_text(client.text("datasets", reference, "manifest"), encoding="utf-8")


@dataset.command(epilog=EXPORT_EPILOG)
@export_options
@json_option
def export(reference: str, form: str, to: Path, as_json: bool, **options: Any) -> None:
    """Fetch a frozen dataset as another program reads it.

    It comes as the server writes it, and appears in the folder once it is whole. Nothing is
    overwritten; fetching again changes nothing.
    """
    from sdxl_reg.catalog.dataset_exports.export import FORMATS
    from sdxl_reg.catalog.dataset_exports.sinks import FolderSink
    from sdxl_reg.catalog.published import published
    from sdxl_reg.client.archives import fetch_folder
    from sdxl_reg.client.client import address
    from sdxl_reg.formats.kohya.folder import IMAGE

    to = to.absolute()
    query = options | {"archive": "tar", "at": str(to) if form == "kohya" else ""}
    with connected() as client, published(to, owned=FORMATS[form].owned) as aside:
        images = client.get("datasets", reference)["images"]
        url = address("datasets", reference, "export", form)
        with progress_bar() as advance:
            count = fetch_folder(
                client,
                url,
                aside,
                query=query,
                advance=lambda files, name: advance(min(files, images), images, f"fetching {name}"),
            )
        folders = Counter(
            path.parent.relative_to(aside).as_posix() for path in aside.rglob("*") if path.is_file()
        )
        if form == "kohya":
            FolderSink(aside, to).claim(IMAGE, [path.name for path in (aside / IMAGE).iterdir()])
    if as_json:
        print_json({"format": form, "folder": to, "folders": folders, "files": count})
        return
    rows = [[name, str(files)] for name, files in sorted(folders.items())]
    print_table(["fetched", "files"], rows, right=frozenset({1}))
    say(f"in {to}")
