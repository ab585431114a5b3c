"""`sdxl-reg fsck`: verify every blob."""

import click

from sdxl_reg.errors import Corrupt
from sdxl_reg_cli.console import json_option, print_json, progress_bar, say
from sdxl_reg_cli.installation import opened


@click.command()
@json_option
def fsck(as_json: bool) -> None:
    """Read every blob the database knows and compare it with its name."""
    from sdxl_reg.catalog.integrity import verify_blobs
    from sdxl_reg.store.database import reading

    with opened() as registry, progress_bar() as advance, reading(registry.engine) as session:
        report = verify_blobs(session, registry.store, advance)
    if as_json:
        print_json(
            {"verified": report.verified, "missing": report.missing, "corrupt": report.corrupt}
        )
    else:
        say(f"{report.verified} blobs are as they were recorded")
        for kind, digests in (("missing", report.missing), ("corrupt", report.corrupt)):
            for digest in digests:
                click.echo(f"{kind} {digest}")
    if report.missing or report.corrupt:
        raise Corrupt(
            registry.store.root,
            f"{len(report.missing)} blobs are missing, {len(report.corrupt)} are corrupt",
            remedy="Restore them from a backup, or ingest or train again",
        )
