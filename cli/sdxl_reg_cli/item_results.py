"""What became of each of many things that were asked for at once, in the terminal."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import click

from sdxl_reg_cli.console import print_json, say

_SHOWN = 12


def show_results(results: Sequence[dict[str, Any]], *, as_json: bool, dry_run: bool) -> None:
    """Print the outcome of items; ends with 2 where one was refused.

    Args:
        results: Of each its `item`, `status`, and `problem` with message and remedy.
        as_json: Whether as one document.
        dry_run: Whether nothing was done.

    Raises:
        click.exceptions.Exit: One was refused.
    """
    counts = Counter(str(one["status"]) for one in results)
    refused = [one for one in results if one["problem"]]
    if as_json:
        print_json({"counts": counts, "results": results})
    else:
        for one in refused[:_SHOWN]:
            say(f"{one['item'] + 1}: {one['problem']['message']}. {one['problem']['remedy']}")
        if len(refused) > _SHOWN:
            say(f"… and {len(refused) - _SHOWN:,} more")
        told = ", ".join(f"{count:,} {status}" for status, count in counts.items())
        say(("Dry run, nothing is changed: " if dry_run else "") + (told or "The file is empty"))
    if refused:
        raise click.exceptions.Exit(2)
