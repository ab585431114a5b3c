"""`sdxl-reg gc`: remove bytes that nothing needs."""

import sys
from datetime import timedelta

import click

from sdxl_reg_cli.console import json_option, print_json, progress_bar, say
from sdxl_reg_cli.installation import opened


@click.command()
@click.option(
    "--grace-days",
    type=click.FloatRange(min=0),
    default=14.0,
    show_default=True,
    help="What is younger stays.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def gc(grace_days: float, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Remove bytes that nothing in the registry needs.

    These are files in the store that no row names, left by writers that were killed, and blobs to
    which no row refers. Pictures of image sets, files of versions, frozen datasets, grids and
    samples are needed, also those of yanked versions and of members whose file is missing.
    Uploads and sent folders that nobody has gone on with for a week go too.

    \b
    sdxl-reg gc --dry-run
    sdxl-reg gc --grace-days 1 --yes
    """
    from rich.filesize import decimal

    from sdxl_reg.catalog.integrity.collect import Garbage, collect, garbage
    from sdxl_reg.catalog.sent_folders.sessions import sweep_ingests
    from sdxl_reg.catalog.uploads import sweep_uploads

    grace = timedelta(days=grace_days)
    with opened() as registry:
        found = garbage(registry.engine, registry.store, grace)
        size = sum(found.values())
        removed: Garbage = {}
        uploads = 0 if dry_run else sweep_uploads(registry.engine, registry.store)
        ingests = 0 if dry_run else sweep_ingests(registry.engine, registry.store)
        if not as_json:
            say(f"{len(found)} blobs, {decimal(size)}, are needed by nothing")
        if found and not dry_run:
            if not yes and not as_json and sys.stdin.isatty():
                click.confirm("Remove them?", abort=True, err=True)
            elif not yes:
                raise click.UsageError("nothing is removed without --yes; look with --dry-run")
            with progress_bar() as advance:
                removed = collect(registry.engine, registry.store, found, grace, advance)
            if not as_json:
                say(f"{len(removed)} were removed, {decimal(sum(removed.values()))}")
    if as_json:
        print_json(
            {
                "found": {"blobs": len(found), "bytes": size},
                "removed": {"blobs": len(removed), "bytes": sum(removed.values())},
                "uploads": uploads,
                "ingests": ingests,
            }
        )
