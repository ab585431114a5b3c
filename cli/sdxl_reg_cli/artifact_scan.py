"""`sdxl-reg artifact scan`: whether files could run something in the program that opens them."""

from typing import TYPE_CHECKING

import click

from sdxl_reg_cli.console import end_with, json_option, print_json, print_table, say
from sdxl_reg_cli.installation import opened

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from sdxl_reg.tables import ArtifactVersion


@click.command("scan")
@click.argument("reference", required=False)
@json_option
def scan(reference: str | None, as_json: bool) -> None:
    """Scan the files of a version, or of every version, and keep what comes of it.

    Files are scanned when they come in; this does it again, with what is known by now. Nothing is
    opened: .safetensors hold numbers and text, pickles are read opcode by opcode. Exits with 5
    where something is unsafe.

    \b
    Examples:
      sdxl-reg artifact scan weipin-lora@best
      sdxl-reg artifact scan --json
    """
    from sdxl_reg.catalog.artifacts import version_ref
    from sdxl_reg.catalog.blobs import rescan
    from sdxl_reg.errors import Corrupt
    from sdxl_reg.store.database import transaction
    from sdxl_reg.vocabulary import ScanVerdict

    items = []
    with opened() as registry, transaction(registry.engine) as session:
        for version in _versions(session, reference):
            for file in version.files:
                found = rescan(session, registry.store, file.blob, file.path)
                items.append(
                    {
                        "version": version_ref(version),
                        "path": file.path,
                        "verdict": str(found.verdict),
                        "reason": found.reason,
                    }
                )
    unsafe = [item for item in items if item["verdict"] == ScanVerdict.UNSAFE]
    if as_json:
        print_json({"items": items})
    else:
        rows = [list(item.values()) for item in items if item["verdict"] != ScanVerdict.SAFE]
        if rows:
            print_table(["version", "file", "verdict", "because"], rows)
        say(f"{len(items)} files were scanned, {len(unsafe)} are unsafe")
    if unsafe:
        first = unsafe[0]
        error = Corrupt(
            f"{first['version']}: {first['path']}",
            first["reason"],
            remedy=f"Withdraw it: sdxl-reg artifact yank {first['version']}",
        )
        end_with(error, as_json=as_json)


def _versions(session: "Session", reference: str | None) -> "list[ArtifactVersion]":
    from sdxl_reg.catalog.artifacts import artifacts, find_version, versions_of

    if reference:
        return [find_version(session, reference)]
    return [
        version
        for artifact in artifacts(session)
        for version in versions_of(session, artifact, yanked=True)
    ]
