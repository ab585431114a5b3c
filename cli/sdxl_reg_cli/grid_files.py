"""`sdxl-reg grid export`: a grid as a sheet, a page to look at, a plot or a table."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sdxl_reg.errors import InvalidValue
from sdxl_reg_cli.console import json_option, print_json, say
from sdxl_reg_cli.installation import Installation, opened

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from sdxl_reg.evaluation.view import GridView
    from sdxl_reg.tables import Grid

SHEETS = (".png", ".jpg", ".jpeg", ".webp")
PAGES = (".html", ".htm", "")
PLOTS = (".svg",)
TABLES = (".csv", ".json", ".parquet")


@click.command(
    epilog="""\b
Examples:
  sdxl-reg grid export 3 --to weipin.html      a page that opens from disk, pictures inside
  sdxl-reg grid export 3 --to weipin/          the same as a folder, for large grids
  sdxl-reg grid export 3 --to weipin.webp      the sheet; large ones become weipin-1.webp, …
  sdxl-reg grid export 3 --to weipin.svg --metric kid
  sdxl-reg grid export 3 --to weipin.csv       or .json, .parquet
"""
)
@click.argument("number", type=int)
@click.option("--to", type=click.Path(path_type=Path), required=True, help="The suffix decides.")
@click.option("--metric", default="", help="Shown on sheets and plots. [default: fidelity]")
@json_option
def export(number: int, to: Path, metric: str, as_json: bool) -> None:
    """Write a grid as a page to look at, a sheet, a plot, or a table of its cells."""
    from sdxl_reg.catalog.grids import find_grid
    from sdxl_reg.store.database import reading

    with opened() as registry, reading(registry.engine) as session:
        written = _written(_view(registry, session, find_grid(session, number)), to, metric)
    if as_json:
        print_json({"grid": number, "files": written})
        return
    for path in written:
        click.echo(str(path))


def write_sheet(
    registry: Installation, session: "Session", found: "Grid", out: Path | None
) -> Path:
    """What a grid writes when it is drawn: the sheet that is kept, or what the suffix asks for.

    Args:
        registry: Opened.
        session: The transaction.
        found: A completed grid.
        out: Where to; None: into the home.
    """
    from sdxl_reg.catalog.grid_results import write_sheet as write

    if out is not None and out.suffix.lower() != ".png":
        return _written(_view(registry, session, found), out, "")[0]
    name = f"{found.artifact.name}-grid-{found.id}.png"
    to = out or registry.settings.home / "sheets" / name
    if out is None and found.sheet is not None:
        return write(registry.store, found.sheet.sha256, to)
    return _written(_view(registry, session, found), to, "")[0]


def _view(registry: Installation, session: "Session", found: "Grid") -> "GridView":
    from sdxl_reg.catalog.grid_requests import references_of
    from sdxl_reg.catalog.grid_view import view_of

    references = references_of(session, registry.store, found.spec["datasets"])
    return view_of(session, registry.store, found, references)


def _written(view: "GridView", to: Path, metric: str) -> list[Path]:
    from sdxl_reg.evaluation.plots import save_plot
    from sdxl_reg.evaluation.sheet_files import save_sheets
    from sdxl_reg.evaluation.tables import save_table
    from sdxl_reg.evaluation.viewer.write import write_viewer

    suffix = to.suffix.lower()
    if suffix in SHEETS:
        pages = save_sheets(view, to, metric=metric)
        for page in pages:
            if page.remark:
                say(page.remark)
        return [page.path for page in pages]
    if suffix in TABLES:
        return [save_table(view, to)]
    if suffix in PLOTS:
        return [save_plot(view, to, metric=metric)]
    if suffix in PAGES:
        return [write_viewer(view, to)]
    raise InvalidValue(
        "not a kind of file that a grid can be written as",
        to,
        remedy=f"Use {', '.join([*SHEETS, '.html', *PLOTS, *TABLES])} or a folder",
    )
