"""`sdxl-reg datasets` and `sdxl-reg dataset`: frozen versions of image sets."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sdxl_reg_cli.console import json_option, print_json, print_table, say
from sdxl_reg_cli.dataset_files import export, import_files
from sdxl_reg_cli.installation import opened

if TYPE_CHECKING:
    from sdxl_reg.tables import DatasetVersion


@click.command()
@json_option
def datasets(as_json: bool) -> None:
    """List the frozen dataset versions."""
    from sdxl_reg.catalog.datasets import dataset_versions
    from sdxl_reg.store.database import reading

    with opened() as registry, reading(registry.engine) as session:
        items = [_document(version) for version in dataset_versions(session)]
    if as_json:
        print_json({"items": items})
        return
    rows = [
        [i["ref"], i["image_set"], i["selector"] or "**", str(i["images"]), i["digest"][:12]]
        for i in items
    ]
    columns = ["dataset", "image set", "selects", "images", "digest"]
    print_table(columns, rows, right=frozenset({3}))


@click.group()
def dataset() -> None:
    """Freeze, show, export or import a dataset."""


@dataset.command()
@click.argument("name")
@click.option("--image-set", default="", help="Set to freeze. [default: the one called NAME]")
@click.option("--select", "selector", default="", help="Only these tags: 'qzy/**', '**/spot'.")
@json_option
def freeze(name: str, image_set: str, selector: str, as_json: bool) -> None:
    """Freeze an image set, or a part of it, as the next version of a dataset.

    Freezing again without a change gives the same version.

    \b
    Examples:
      sdxl-reg dataset freeze weipin
      sdxl-reg dataset freeze weipin-spots --image-set weipin --select '**/spot'
    """
    from sdxl_reg.catalog.datasets import freeze as freeze_version
    from sdxl_reg.store.database import transaction

    with opened() as registry, transaction(registry.engine) as session:
        version = freeze_version(
            session, registry.store, name, image_set=image_set, selector=selector
        )
        document = _document(version)
    if as_json:
        print_json(document)
        return
    say(f"{document['ref']}: {document['images']} images, {document['digest'][:12]}")


@dataset.command()
@click.argument("reference")
@json_option
def show(reference: str, as_json: bool) -> None:
    """Show a dataset version: how many images each tag has, and their captions."""
    from sdxl_reg.catalog.datasets import entries_of, find_dataset_version, tag_counts
    from sdxl_reg.store.database import reading

    with opened() as registry, reading(registry.engine) as session:
        version = find_dataset_version(session, reference)
        entries = entries_of(session, version)
        document = _document(version) | {
            "tags": tag_counts(entries),
            "entries": [
                {
                    "path": entry.source_path,
                    "sha256": entry.image.blob.sha256,
                    "tags": entry.tag_path,
                    "caption": entry.caption,
                    "repeats": entry.repeats,
                    "split": entry.split,
                }
                for entry in entries
            ],
        }
    if as_json:
        print_json(document)
        return
    print_table(["tag", "images"], [[t, str(n)] for t, n in document["tags"].items()])


@dataset.command()
@click.argument("reference")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def manifest(reference: str, file: Path) -> None:
    """Write the manifest of a dataset version: JSON lines, its SHA-256 is the digest."""
    from sdxl_reg.catalog.datasets import find_dataset_version
    from sdxl_reg.store.database import reading

    with opened() as registry, reading(registry.engine) as session:
        file.write_bytes(registry.store.read(find_dataset_version(session, reference).digest))


dataset.add_command(export)
dataset.add_command(import_files)


def _document(version: "DatasetVersion") -> dict[str, Any]:
    from sdxl_reg.catalog.datasets import version_ref

    return {
        "ref": version_ref(version),
        "image_set": version.dataset.image_set.name,
        "selector": version.dataset.selector,
        "images": version.image_count,
        "digest": version.digest,
        "created_at": version.created_at,
    }
