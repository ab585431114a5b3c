"""`sdxl-reg ingest`: record folders of pictures as image sets."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sdxl_reg_cli.console import json_option, print_json, progress_bar, say
from sdxl_reg_cli.ingest_layout import show_layout
from sdxl_reg_cli.ingest_options import folder_options
from sdxl_reg_cli.ingest_report import print_report
from sdxl_reg_cli.installation import Installation, opened
from sdxl_reg_cli.projects import project_option

if TYPE_CHECKING:
    from sdxl_reg.catalog.ingest import IngestOptions
    from sdxl_reg.catalog.ingest_plan import IngestPlan


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@folder_options
@click.option(
    "--link/--copy",
    "link",
    default=None,
    help="Leave the files where they are and point at them, or keep a copy of their bytes. "
    "[default: as before; at first --copy]",
)
@project_option
@json_option
def ingest(
    folder: Path,
    as_name: str | None,
    layout: str | None,
    caption: str | None,
    link: bool | None,
    rehash: bool,
    max_pixels: int,
    watch: bool,
    yes: bool,
    project: str,
    as_json: bool,
) -> None:
    """Record the pictures of FOLDER; its files are only read.

    Each first-level folder becomes an image set, the folders below it its tags:
    products/weipin/qzy/flawed/spot/1.jpg is in the set weipin, tagged qzy/flawed/spot. Where the
    tree is one level shallower (weipin/qzy/flawed/…), FOLDER itself is the set. What was decided is
    told first, in a terminal as a table to agree to; --as and --layout overrule it.

    Captions are taken from a.txt, a.caption, a.json or metadata.jsonl beside a.jpg, in this order,
    else made from the tags. A file that cannot be read is reported and stops nothing. Run it
    again at any time: only what is new or changed is read. A file .sdxlregignore, in the syntax of
    .gitignore, says what is passed over. With --json, progress is told on stderr, an event a line.

    \b
    Examples:
      sdxl-reg ingest products/
      sdxl-reg ingest photos/ --as weipin --caption "{tags}, black background"
      sdxl-reg ingest archive/ --layout '{set}/{year}/{brand}/{state?}'
      sdxl-reg ingest /mnt/nas/products --link --watch
    """
    from sdxl_reg.catalog.ingest import IngestOptions
    from sdxl_reg.imaging.decode import Limits

    options = IngestOptions(
        as_name=as_name,
        layout=layout,
        caption=caption,
        rehash="all" if rehash else "changed",
        limits=Limits(max_pixels=max_pixels),
        link=link,
        project=project,
    )

    def announce(plan: "IngestPlan", new: frozenset[str]) -> None:
        show_layout(plan, new, ask=not (yes or as_json))

    with opened() as registry:
        _ingest_once(registry, folder, options, announce, as_json=as_json)
        if watch:
            _watch(registry, folder, options, as_json=as_json)


def _ingest_once(
    registry: Installation,
    folder: Path,
    options: "IngestOptions",
    announce: "Callable[[IngestPlan, frozenset[str]], None]",
    *,
    as_json: bool,
) -> None:
    from sdxl_reg.catalog.ingest import ingest as ingest_folder
    from sdxl_reg.catalog.ingest_report import report_document

    warnings.filterwarnings("ignore", module="PIL")  # of broken EXIF: in no way ours to mend
    with progress_bar(as_events=as_json) as advance:
        report = ingest_folder(
            registry.engine,
            registry.store,
            folder,
            options=options,
            thumbnails=registry.settings.thumbnails_path,
            progress=advance,
            announce=announce,
        )
    document = report_document(report)
    if as_json:
        print_json(document)
    else:
        print_report(document)


def _watch(
    registry: Installation, folder: Path, options: "IngestOptions", *, as_json: bool
) -> None:
    """Ingest again after every change, until interrupted; a document each with --json."""
    from watchfiles import watch

    say(f"Watching {folder}; stop with Ctrl-C")
    for _ in watch(folder, debounce=2_000, raise_interrupt=True):
        _ingest_once(registry, folder, options, lambda _plan, _new: None, as_json=as_json)
