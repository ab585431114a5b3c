"""`sdxl-reg artifact diff`: what differs between two versions."""

from typing import TYPE_CHECKING

import click

from sdxl_reg_cli.console import cell, json_option, print_json, print_table, say
from sdxl_reg_cli.installation import opened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sdxl_reg.catalog.version_diff import Difference, VersionDiff


@click.command()
@click.argument("before", metavar="BEFORE")
@click.argument("after", metavar="[AFTER]", required=False)
@json_option
def diff(before: str, after: str | None, as_json: bool) -> None:
    """Show what differs between two versions: pictures, captions, settings, base, packages.

    With one of them, what differs from the one before.

    \b
    Examples:
      sdxl-reg artifact diff weipin-lora
      sdxl-reg artifact diff weipin-lora@2 weipin-lora@best
      sdxl-reg artifact diff weipin-lora@3 other-lora@1 --json
    """
    from sdxl_reg.catalog.version_diff import diff_references
    from sdxl_reg.store.database import reading

    with opened() as registry, reading(registry.engine) as session:
        found = diff_references(session, after or before, before if after else None)
    if as_json:
        print_json(_document(found))
        return
    parts = (("fact", found.facts), ("setting", found.settings), ("package", found.packages))
    for title, some in parts:
        if some:
            rows = [[one.name, cell(one.before), cell(one.after)] for one in some]
            print_table([title, found.before, found.after], rows)
    if found.pictures is not None:
        counts = found.pictures.counts.items()
        told = ", ".join(f"{count} {kind}" for kind, count in counts if count)
        names = f"{found.pictures.before} {found.pictures.after}"
        say(f"pictures: {told}; see: sdxl-reg dataset diff {names}")
    if not (found.facts or found.settings or found.packages):
        say(f"{found.before} and {found.after} are the same")


def _document(found: "VersionDiff") -> dict[str, object]:
    pictures = found.pictures
    return {
        "before": found.before,
        "after": found.after,
        "facts": _plain(found.facts),
        "settings": _plain(found.settings),
        "packages": _plain(found.packages),
        "pictures": pictures
        and {"before": pictures.before, "after": pictures.after, **pictures.counts},
    }


def _plain(some: "Sequence[Difference]") -> dict[str, dict[str, object]]:
    return {one.name: {"before": one.before, "after": one.after} for one in some}
