"""`sdxl-reg datasets` and `sdxl-reg dataset`: frozen versions of image sets."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sdxl_reg_cli.console import json_option, print_json, print_table, say
from sdxl_reg_cli.dataset_diff import diff
from sdxl_reg_cli.dataset_files import export, import_files
from sdxl_reg_cli.dataset_options import freeze_options, share_or_selector
from sdxl_reg_cli.installation import opened

if TYPE_CHECKING:
    from sdxl_reg.catalog.freezing import Prepared
    from sdxl_reg.tables import DatasetVersion


@click.command()
@json_option
def datasets(as_json: bool) -> None:
    """List the frozen dataset versions, and what was trained on each."""
    from sdxl_reg.catalog.dataset_uses import trained_on_each
    from sdxl_reg.catalog.datasets import dataset_versions
    from sdxl_reg.store.database import reading

    with opened() as registry, reading(registry.engine) as session:
        versions = dataset_versions(session)
        made = trained_on_each(session, versions)
        items = [
            _document(version) | {"trained": made.get(version.node_id, [])} for version in versions
        ]
    if as_json:
        print_json({"items": items})
        return
    rows = [
        [
            *(i["ref"], i["image_set"], i["selector"] or "**", str(i["images"]), i["digest"][:12]),
            ", ".join(i["trained"]),
        ]
        for i in items
    ]
    columns = ["dataset", "image set", "selects", "images", "digest", "trained on it"]
    print_table(columns, rows, right=frozenset({3}))


@click.group()
def dataset() -> None:
    """Freeze, show, export or import a dataset."""


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
    """Freeze an image set, or a part of it, as the next version of a dataset.

    Freezing again without a change gives the same version. Pictures that are held out are not
    trained; they measure the validation loss. Near-duplicates are never on both sides, and a
    picture stays on its side when others are added.

    \b
    Examples:
      sdxl-reg dataset freeze weipin
      sdxl-reg dataset freeze weipin-spots --image-set weipin --select '**/spot'
      sdxl-reg dataset freeze weipin --validation 0.1 --balance defect
    """
    from sdxl_reg.catalog.datasets import freeze as freeze_version
    from sdxl_reg.catalog.datasets import split_counts
    from sdxl_reg.catalog.freezing import prepare
    from sdxl_reg.store.database import transaction

    options: dict[str, Any] = {
        "image_set": image_set,
        "selector": selector,
        "validation": share_or_selector(validation),
        "balance": balance,
    }
    with opened() as registry, transaction(registry.engine) as session:
        if dry_run:
            document = _forecast(prepare(session, name, **options))
            session.rollback()
        else:
            version = freeze_version(session, registry.store, name, **options)
            document = _document(version) | {"splits": split_counts(session, version)}
    if as_json:
        print_json(document)
        return
    counts = ", ".join(f"{count} {split}" for split, count in document["splits"].items())
    would = "Dry run, nothing is stored. " if dry_run else ""
    what = f"{document['images']} images ({counts}), {document['digest'][:12]}"
    say(f"{would}{document['ref']}: {what}")


@dataset.command()
@click.argument("reference")
@json_option
def show(reference: str, as_json: bool) -> None:
    """Show a dataset version: how many images each tag has, and what was trained on it."""
    from sdxl_reg.catalog.dataset_uses import trained_on
    from sdxl_reg.catalog.datasets import (
        entries_of,
        find_dataset_version,
        split_counts,
        tag_counts,
    )
    from sdxl_reg.store.database import reading

    with opened() as registry, reading(registry.engine) as session:
        version = find_dataset_version(session, reference)
        entries = entries_of(session, version)
        document = _document(version) | {
            "tags": tag_counts(entries),
            "splits": split_counts(session, version),
            "trained": trained_on(session, version),
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
    say(", ".join(f"{count} {split}" for split, count in document["splits"].items()))
    if document["trained"]:
        say(f"trained on it: {', '.join(document['trained'])}")


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


dataset.add_command(diff)


def _forecast(prepared: "Prepared") -> dict[str, Any]:
    return {
        "ref": prepared.reference,
        "image_set": prepared.dataset.image_set.name,
        "selector": prepared.dataset.selector,
        "images": len(prepared.members),
        "digest": prepared.digest,
        "splits": prepared.splits,
        "is_new": prepared.standing is None,
    }


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
