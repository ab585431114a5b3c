"""The report of an ingest in the terminal, of one's own machine and of a server."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from sdxl_reg_cli.console import print_table, say

_SHOWN = 12  # problems and warnings told one by one; the rest by kind
_Told = Sequence[Mapping[str, str]]


def print_report(report: Mapping[str, Any]) -> None:
    """Print what an ingest found and did.

    Args:
        report: The document that `--json` prints.
    """
    names = ("seen", "new", "unchanged", "duplicates", "skipped", "failed")
    print_table(
        ["image set", "images", "missing"],
        [[s["name"], str(s["images"]), str(s["missing"] or "")] for s in report["image_sets"]],
        right=frozenset({1, 2}),
    )
    counts = [f"{report[name]} {name}" for name in names]
    counts += [f"{report[name]} {name}" for name in ("moved", "missing") if report[name]]
    say(" · ".join(counts))
    if ignored := report["ignored"]:
        say("Ignored: " + ", ".join(f"{count} {name}" for name, count in ignored.items()))
    _tell("Not taken", report["problems"])
    _tell("Worth a look", report["warnings"])
    if report["image_sets"]:
        say(f"Next: sdxl-reg train lora --dataset {report['image_sets'][0]['name']}")


def _tell(title: str, problems: _Told) -> None:
    """The first few of every kind, and how many there are of it."""
    by_code = Counter(problem["code"] for problem in problems)
    for code, count in by_code.most_common():
        some = [problem for problem in problems if problem["code"] == code]
        say(f"{title}: {count} {code}{_by_suffix(some)}")
        for problem in some[: max(2, _SHOWN // len(by_code))]:
            say(f"  {problem['path']}: {problem['message']}")


def _by_suffix(problems: _Told) -> str:
    """Which kinds of files there are, where they are of several: ` (12 .svg, 3 .mp4)`."""
    suffixes = Counter(PurePosixPath(problem["path"]).suffix.lower() or "-" for problem in problems)
    if len(suffixes) == 1:
        return ""
    return " (" + ", ".join(f"{count} {suffix}" for suffix, count in suffixes.most_common(8)) + ")"
