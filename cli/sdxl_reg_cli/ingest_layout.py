"""The layout of a folder as a table, to be agreed to before the first ingest of a set."""

import sys
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from sdxl_reg_cli.console import say

if TYPE_CHECKING:
    from sdxl_reg.catalog.ingest_plan import IngestPlan, PlannedSet

_NAMES = 6  # folder names shown of a level
NewSet = tuple[str, Mapping[tuple[str, ...], int]]
"""Name of a set, and how many pictures lie right in each of its folders."""


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
    if sets and is_asked(ask=ask):
        agree(layout_lines(plan, sets))


def is_asked(*, ask: bool) -> bool:
    """Whether somebody is there to be asked.

    Args:
        ask: Whether they want to be.
    """
    return ask and sys.stdin.isatty() and sys.stderr.isatty()


def agree(lines: Sequence[str]) -> None:
    """Show a table, and ask whether it is right.

    Raises:
        Abort: The user does not agree.
    """
    for line in lines:
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
    found: list[NewSet] = []
    for one in sets:
        counts: Counter[tuple[str, ...]] = Counter()
        for planned in one.folders:
            if planned.folder.pictures:
                counts[tuple(planned.tags)] += planned.folder.pictures
        found.append((one.name, counts))
    depths = [len(tags) for _, counts in found for tags in counts]
    count = max([len(plan.layout.levels), *depths])
    return table_lines([plan.layout.level(depth) for depth in range(count)], found)


def table_lines(levels: Sequence[str], sets: Sequence[NewSet]) -> list[str]:
    """The table, of whatever knows its levels and folders.

    Args:
        levels: What they are called.
        sets: The sets to show.
    """
    counts: dict[int, Counter[str]] = defaultdict(Counter)
    shallow: Counter[int] = Counter()
    for tags, pictures in (item for _, folders in sets for item in folders.items()):
        shallow[len(tags)] += pictures
        for depth, name in enumerate(tags):
            counts[depth][name] += pictures
    names = Counter({name: sum(folders.values()) for name, folders in sets})
    lines = [f"  {'set':<12} {_named(names)}"]
    for depth, level in enumerate(levels):
        lines.append(f"  {level:<12} {_named(counts[depth]) or '(none)'}")
        without = sum(count for length, count in shallow.items() if length <= depth)
        if without and counts[depth]:
            lines.append(f"  {'':<12} {without:,} pictures without")
    return lines


def _named(names: Counter[str]) -> str:
    shown = ", ".join(f"{name} ({count:,})" for name, count in names.most_common(_NAMES))
    return shown + (f" and {len(names) - _NAMES:,} more" if len(names) > _NAMES else "")
