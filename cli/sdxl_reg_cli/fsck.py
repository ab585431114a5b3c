"""`sdxl-reg fsck`: whether rows, bytes and what is derived from rows agree."""

from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import click

from sdxl_reg.errors import Corrupt
from sdxl_reg_cli.console import end_with, json_option, print_json, progress_bar, say
from sdxl_reg_cli.installation import Installation, opened

if TYPE_CHECKING:
    from sdxl_reg.catalog.integrity.faults import IntegrityReport


@click.command()
@click.option("--quick", is_flag=True, help="Compare lengths of blobs instead of reading them.")
@click.option("--repair", is_flag=True, help="Mend what can be mended, then look again.")
@click.option(
    "--from",
    "second",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Blob folder of another registry to take lost bytes from; with --repair.",
)
@json_option
def fsck(quick: bool, repair: bool, second: Path | None, as_json: bool) -> None:
    """Compare rows with bytes, and what is derived with what it is derived from.

    Every blob is read and compared with its name; the tree of tags, the lineage, the counts, the
    frozen versions and the database itself are compared with the rows behind them. --repair
    writes derived rows anew and takes lost bytes from a second store; nothing else is changed. What
    was found is kept in the log, and shown on the page /storage.

    \b
    sdxl-reg fsck
    sdxl-reg fsck --repair --from /backup/sdxl-reg/blobs
    """
    if second is not None and not repair:
        raise click.UsageError("--from says where --repair takes bytes from: give --repair too")
    with opened() as registry:
        report = _checked(registry, quick=quick)
        restored = None
        if repair and report.faults:
            restored = _repaired(registry, report, second)
            report = _checked(registry, quick=quick)
    if as_json:
        print_json(_document(report, restored))
    else:
        _show(report, restored)
    if report.faults:
        error = Corrupt(
            "the registry",
            f"faults found: {len(report.faults)}",
            remedy="Take lost bytes from a backup: sdxl-reg fsck --repair --from FOLDER; or ingest "
            "or train again",
        )
        end_with(error, as_json=as_json)


def _checked(registry: Installation, *, quick: bool) -> "IntegrityReport":
    from sdxl_reg.catalog.integrity.check import check
    from sdxl_reg.catalog.integrity.history import finding_of, keep_finding

    began = monotonic()
    with progress_bar() as advance:
        report = check(registry.engine, registry.store, advance, quick=quick)
    found = finding_of(report, by="", is_deep=not quick, seconds=monotonic() - began)
    keep_finding(registry.engine, found)
    return report


def _repaired(registry: Installation, report: "IntegrityReport", second: Path | None) -> int:
    from sdxl_reg.catalog.integrity.check import repair
    from sdxl_reg.store.blobs import BlobStore

    other = BlobStore(second) if second else None
    return repair(registry.engine, registry.store, report, other)


def _document(report: "IntegrityReport", restored: int | None) -> dict[str, Any]:
    from sdxl_reg.catalog.integrity.faults import FaultKind

    return {
        "verified": report.verified,
        "missing": report.subjects(FaultKind.MISSING),
        "corrupt": report.subjects(FaultKind.CORRUPT),
        "faults": [
            {
                "kind": fault.kind,
                "subject": fault.subject,
                "message": fault.message,
                "used_by": fault.used_by,
            }
            for fault in report.faults
        ],
        "unrecorded": {"files": report.unrecorded, "bytes": report.unrecorded_bytes},
        "strays": report.strays,
        "restored": restored,
    }


def _show(report: "IntegrityReport", restored: int | None) -> None:
    if restored is not None:
        say(f"Derived rows were written anew; blobs restored: {restored}")
    say(f"{report.verified} blobs are as they were recorded")
    for fault in report.faults:
        click.echo(f"{fault.kind} {fault.subject}: {fault.message}")
        if fault.used_by:
            click.echo(f"  needed by {', '.join(fault.used_by)}")
    for stray in report.strays:
        click.echo(f"stray {stray}: it is no blob, and nobody touches it")
    if report.unrecorded:
        from rich.filesize import decimal

        size = decimal(report.unrecorded_bytes)
        say(f"{report.unrecorded} files ({size}) have no row: sdxl-reg gc removes them")
