"""`sdxl-reg balance`: how many pictures each tag has, and how often to show them."""

from typing import TYPE_CHECKING, Any

import click

from sdxl_reg_cli.console import json_option, print_json, print_table, say
from sdxl_reg_cli.installation import opened

if TYPE_CHECKING:
    from sdxl_reg.catalog.balance import BalanceReport


@click.command()
@click.argument("image_set")
@click.option("--level", default="", help="Only this level: defect. [default: every level]")
@click.option("--select", "selector", default="", metavar="SELECTOR", help="Only these: 'qzy/**'.")
@json_option
def balance(image_set: str, level: str, selector: str, as_json: bool) -> None:
    """Show how many pictures each tag of a level has, and the repeats that even them out.

    `dataset freeze NAME --balance LEVEL` freezes these repeats with the dataset.

    \b
    Examples:
      sdxl-reg balance weipin
      sdxl-reg balance weipin --level defect --select 'brand:qzy'
    """
    from sdxl_reg.catalog.balance import balance_report, balance_reports
    from sdxl_reg.catalog.images import find_image_set
    from sdxl_reg.store.database import reading

    with opened() as registry, reading(registry.engine) as session:
        found = find_image_set(session, image_set)
        reports = (
            [balance_report(session, found, level, select=selector)]
            if level
            else balance_reports(session, found, select=selector)
        )
    if as_json:
        print_json({"levels": [_document(report) for report in reports]})
        return
    for report in reports:
        _show(report)


def _show(report: "BalanceReport") -> None:
    from sdxl_reg.catalog.balance import shown_value

    rows = [
        [shown_value(row.value, report.level), str(row.images), str(row.repeats)]
        for row in report.rows
    ]
    print_table([report.level, "images", "repeats"], rows, right=frozenset({1, 2}))
    for remark in report.remarks:
        say(remark)


def _document(report: "BalanceReport") -> dict[str, Any]:
    return {
        "level": report.level,
        "rows": [
            {"value": row.value, "images": row.images, "repeats": row.repeats}
            for row in report.rows
        ],
        "remarks": report.remarks,
    }
