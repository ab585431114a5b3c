"""`sdxl-reg backup` and `sdxl-reg restore`: a registry as one file."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sdxl_reg.errors import Corrupt
from sdxl_reg_cli.console import end_with, json_option, print_json, progress_bar, say
from sdxl_reg_cli.installation import opened

if TYPE_CHECKING:
    from sdxl_reg.catalog.integrity.backup import BackupReport


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@json_option
def backup(file: Path, as_json: bool) -> None:
    """Write the whole registry into one FILE: every row and all bytes.

    It is a tar that any program opens, of SQLite or PostgreSQL alike, and appears when it is whole.
    Others may go on working meanwhile. Linked pictures go along as bytes.

    \b
    sdxl-reg backup registry.tar
    """
    from sdxl_reg.catalog.integrity.backup import back_up

    with opened() as registry, progress_bar() as advance:
        report = back_up(registry.engine, registry.store, file, advance)
    _tell(report, f"{file} holds", as_json=as_json)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@json_option
def restore(file: Path, as_json: bool) -> None:
    """Fill an empty registry from the backup in FILE.

    Every blob is compared with its name before the first row is written. The database may be of
    the other kind: so a registry moves from SQLite to PostgreSQL.

    \b
    SDXL_REG_HOME=new sdxl-reg restore registry.tar
    SDXL_REG_DATABASE_URL=postgresql://me@server/registry sdxl-reg restore registry.tar
    """
    from sdxl_reg.catalog.integrity.backup import restore as restored

    with opened() as registry, progress_bar() as advance:
        report = restored(registry.engine, registry.store, file, advance)
    _tell(report, "The registry holds", as_json=as_json)


def _tell(report: "BackupReport", what: str, *, as_json: bool) -> None:
    from rich.filesize import decimal

    if as_json:
        print_json(
            {
                "rows": report.rows,
                "blobs": report.blobs,
                "bytes": report.size_bytes,
                "left_out": report.left_out,
            }
        )
    else:
        size = decimal(report.size_bytes)
        say(f"{what} {report.rows:,} rows and {report.blobs:,} blobs, {size}")
    if report.left_out:
        error = Corrupt(
            "the registry",
            f"{len(report.left_out)} blobs are damaged or lost and are not in the backup: "
            + ", ".join(report.left_out[:3]),
            remedy="Run: sdxl-reg fsck",
        )
        end_with(error, as_json=as_json)
