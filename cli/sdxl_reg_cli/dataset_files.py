"""`sdxl-reg dataset export` and `import`: datasets as files of other programs, out and in."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sdxl_reg.formats.dataset_formats import IMPORTS
from sdxl_reg_cli.console import json_option, print_json, print_table, progress_bar, say
from sdxl_reg_cli.dataset_options import EXPORT_EPILOG, export_options, listed
from sdxl_reg_cli.installation import opened

if TYPE_CHECKING:
    from sdxl_reg.catalog.dataset_exports.work import ExportReport
    from sdxl_reg.catalog.dataset_imports.dataset import ImportReport

_SHOWN = 12  # problems told one by one


@click.command(epilog=EXPORT_EPILOG)
@export_options
@json_option
def export(reference: str, form: str, to: Path, as_json: bool, **options: Any) -> None:
    """Write a frozen dataset as another program reads it.

    Pictures are turned upright and brought to sRGB where their file only says so. Nothing is
    overwritten; exporting again changes nothing; a version gives the same files for ever.
    """
    from sdxl_reg.catalog.dataset_exports.export import export_dataset
    from sdxl_reg.catalog.dataset_exports.options import ExportOptions
    from sdxl_reg.catalog.datasets import find_dataset_version
    from sdxl_reg.store.database import reading

    options["split"] = options["split"] or ""
    with opened() as registry, reading(registry.engine) as session, progress_bar() as advance:
        report = export_dataset(
            session,
            registry.store,
            find_dataset_version(session, reference),
            to,
            form=form,
            options=ExportOptions(**options),
            progress=advance,
        )
    if as_json:
        print_json(_export_document(report))
    else:
        _show_export(report)


@click.command(
    "import",
    epilog=listed(IMPORTS)
    + """

\b
Examples:
  sdxl-reg dataset import weipin-kohya/ --as weipin
  sdxl-reg dataset import train-00000-of-00001.parquet --as shirts --levels brand,state
  sdxl-reg dataset import shards/ --as shirts
""",
)
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--as", "name", metavar="NAME", required=True, help="Name of the image set.")
@click.option(
    "--format",
    "form",
    type=click.Choice(list(IMPORTS)),
    help="[default: what it looks like]",
)
@click.option(
    "--levels",
    default="",
    metavar="COLUMNS",
    help="Columns that are tags, from the root down: brand,state. [default: brand, state and "
    "defect where they are there, else label, else the folders]",
)
@json_option
def import_files(path: Path, name: str, form: str | None, levels: str, as_json: bool) -> None:
    """Record a data set that another program wrote as an image set, captions and tags included.

    PATH is only read. What is no picture, damaged, or leads out of the data set is passed over and
    told. Importing again under the same name brings the set up to date.
    """
    from sdxl_reg.catalog.dataset_imports.dataset import import_dataset

    columns = [part.strip() for part in levels.replace("/", ",").split(",") if part.strip()]
    with opened() as registry, progress_bar() as advance:
        report = import_dataset(
            registry.engine,
            registry.store,
            path,
            name=name,
            form=form,
            levels=columns,
            thumbnails=registry.settings.thumbnails_path,
            progress=advance,
            announce=say,
        )
    if as_json:
        print_json(_import_document(report))
    else:
        _show_import(report, name)


def _export_document(report: "ExportReport") -> dict[str, Any]:
    return {
        "format": report.form,
        "folder": report.folder,
        "folders": report.folders,
        "images": report.images,
        "converted": report.converted,
        "left_out": report.left_out,
        "without_caption": list(report.without_caption),
    }


def _show_export(report: "ExportReport") -> None:
    rows = [[name, str(count)] for name, count in report.folders.items()]
    print_table(["written", "images"], rows, right=frozenset({1}))
    if report.converted:
        say(f"{report.converted} pictures were written anew: upright, in sRGB, as asked for")
    if report.left_out:
        say(f"{report.left_out} pictures of other splits were left out")
    if report.without_caption:
        first = report.without_caption[0]
        say(f"{len(report.without_caption)} pictures have no caption of their own, such as {first}")
    say(f"in {report.folder}")


def _import_document(report: "ImportReport") -> dict[str, Any]:
    done = report.ingested
    problems = [*report.problems, *done.problems, *done.warnings]
    return {
        "format": report.form,
        "pictures": report.pictures,
        "image_set": done.image_sets[0].name if done.image_sets else None,
        "new": done.new,
        "unchanged": done.unchanged,
        "duplicates": done.duplicates,
        "failed": done.failed,
        "captions": done.captions,
        "layout": done.layout,
        "problems": [
            {
                "path": problem.path,
                "stage": problem.stage.value,
                "code": problem.code.value,
                "message": problem.message,
            }
            for problem in problems
        ],
    }


def _show_import(report: "ImportReport", name: str) -> None:
    done = report.ingested
    counts = {"new": done.new, "unchanged": done.unchanged, "duplicates": done.duplicates}
    row = [report.form, str(report.pictures), *map(str, counts.values()), str(done.failed)]
    print_table(["read as", "pictures", *counts, "failed"], [row])
    problems = [*report.problems, *done.problems]
    for problem in problems[:_SHOWN]:
        say(f"Not taken: {problem.path}: {problem.message}")
    if len(problems) > _SHOWN:
        kinds = Counter(problem.code.value for problem in problems[_SHOWN:])
        say("And: " + ", ".join(f"{count} {kind}" for kind, count in kinds.items()))
    say(f"Next: sdxl-reg dataset freeze {name}")
