"""The layout of a folder as a table, to be agreed to before the first ingest of a set."""

import sys
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import click

from sdxl_reg_cli.console import say

if TYPE_CHECKING:
    from sdxl_reg.catalog.ingest_plan import IngestPlan, PlannedSet

_NAMES = 6  # folder names shown of a level


def show_layout(plan: "IngestPlan", new: frozenset[str], *, ask: bool) -> None:
    """Tell what was decided; of new sets, in a terminal, as a table to agree to.

    Args:
        plan: What is going to be done.
        new: Names of the sets that the registry does not have yet.
        ask: Whether the user is to be asked.

    Raises:
        Abort: The user does not agree.
    """
    say(plan.layout.sentence())
    sets = [planned for planned in plan.sets if planned.name in new]
    if not (ask and sets and sys.stdin.isatty() and sys.stderr.isatty()):
        return
    for line in layout_lines(plan, sets):
        say(line)
    click.confirm(
        "Is that what the folders mean? (No, to give --layout or --as)",
        default=True,
        abort=True,
        err=True,
    )


def layout_lines(plan: "IngestPlan", sets: "list[PlannedSet]") -> list[str]:
    """The table: for each level its name, how many folder names, the most frequent ones.

    Args:
        plan: What is going to be done.
        sets: The sets to show.
    """
    counts: dict[int, Counter[str]] = defaultdict(Counter)
    shallow: Counter[int] = Counter()
    for planned in (folder for one in sets for folder in one.folders if folder.folder.pictures):
        shallow[len(planned.tags)] += planned.folder.pictures
        for depth, name in enumerate(planned.tags):
            counts[depth][name] += planned.folder.pictures
    lines = [f"  {'set':<12} {_named(Counter({one.name: one.pictures for one in sets}))}"]
    for depth in range(max(len(plan.layout.levels), len(counts))):
        lines.append(f"  {plan.layout.level(depth):<12} {_named(counts[depth]) or '(none)'}")
        without = sum(count for length, count in shallow.items() if length <= depth)
        if without and counts[depth]:
            lines.append(f"  {'':<12} {without:,} pictures without")
    return lines


def _named(names: Counter[str]) -> str:
    shown = ", ".join(f"{name} ({count:,})" for name, count in names.most_common(_NAMES))
    return shown + (f" and {len(names) - _NAMES:,} more" if len(names) > _NAMES else "")
