"""`sdxl-reg ingest`: record folders of pictures as image sets."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import click

from sdxl_reg_cli.console import json_option, print_json, print_table, progress_bar, say
from sdxl_reg_cli.installation import opened

if TYPE_CHECKING:
    from sdxl_reg.catalog.ingest import IngestReport
    from sdxl_reg.imaging.problems import Problem

_SHOWN = 12  # problems and warnings told one by one; the rest by kind


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--as", "as_name", metavar="NAME", help="The folder itself is one image set: NAME.")
@click.option("--layout", metavar="LEVELS", help="Names of the folder levels: set/brand/state.")
@click.option(
    "--caption",
    metavar="TEMPLATE",
    help="Caption of pictures that have none beside them: '{tags}, black background'. Places: "
    "{tags}, {set}, and the levels, such as {brand}. [default: as before; at first {tags}]",
)
@click.option("--rehash", is_flag=True, help="Read also files of unchanged size and time.")
@click.option(
    "--max-pixels",
    type=click.IntRange(min=1),
    default=128_000_000,
    show_default=True,
    help="Width × height above which a picture is not decoded.",
)
@json_option
def ingest(
    folder: Path,
    as_name: str | None,
    layout: str | None,
    caption: str | None,
    rehash: bool,
    max_pixels: int,
    as_json: bool,
) -> None:
    """Record the pictures of FOLDER; its files are only read.

    Each first-level folder becomes an image set, the folders below it its tags:
    products/weipin/qzy/flawed/spot/1.jpg is in the set weipin, tagged qzy/flawed/spot. Where the
    tree is one level shallower (weipin/qzy/flawed/…), FOLDER itself is the set. What was decided is
    told first; --as and --layout overrule it.

    Captions are taken from a.txt, a.caption, a.json or metadata.jsonl beside a.jpg, in this order,
    else made from the tags. A file that cannot be read is reported and stops nothing. Run it
    again at any time: only what is new or changed is read.

    \b
    Examples:
      sdxl-reg ingest products/
      sdxl-reg ingest photos/ --as weipin --caption "{tags}, black background"
      sdxl-reg ingest archive/ --layout set/year/brand/state
    """
    from sdxl_reg.catalog.ingest import IngestOptions
    from sdxl_reg.catalog.ingest import ingest as ingest_folder
    from sdxl_reg.imaging.decode import Limits

    options = IngestOptions(
        as_name=as_name,
        layout=layout,
        caption=caption,
        rehash="all" if rehash else "changed",
        limits=Limits(max_pixels=max_pixels),
    )
    with opened() as registry, progress_bar() as advance:
        report = ingest_folder(
            registry.engine,
            registry.store,
            folder,
            options=options,
            thumbnails=registry.settings.thumbnails_path,
            progress=advance,
            announce=lambda plan, _new: say(plan.layout.sentence()),
        )
    if as_json:
        print_json(_document(report))
    else:
        _print(report)


def _document(report: "IngestReport") -> dict[str, Any]:
    from sdxl_reg.imaging.problems import as_document

    return {
        "image_sets": [
            {"name": s.name, "images": s.images, "members": s.members, "missing": s.missing}
            for s in report.image_sets
        ],
        "seen": report.seen,
        "new": report.new,
        "unchanged": report.unchanged,
        "duplicates": report.duplicates,
        "skipped": report.skipped,
        "failed": report.failed,
        "moved": report.moved,
        "missing": report.missing,
        "captions": report.captions,
        "ignored": report.ignored,
        "layout": report.layout,
        "problems": [as_document(problem) for problem in report.problems],
        "warnings": [as_document(problem) for problem in report.warnings],
    }


def _print(report: "IngestReport") -> None:
    names = ("seen", "new", "unchanged", "duplicates", "skipped", "failed")
    print_table(
        ["image set", "images", "missing"],
        [[s.name, str(s.images), str(s.missing or "")] for s in report.image_sets],
        right=frozenset({1, 2}),
    )
    counts = [f"{getattr(report, name)} {name}" for name in names]
    counts += [f"{getattr(report, n)} {n}" for n in ("moved", "missing") if getattr(report, n)]
    say(" · ".join(counts))
    if report.ignored:
        say("Ignored: " + ", ".join(f"{count} {name}" for name, count in report.ignored.items()))
    _tell("Not taken", report.problems)
    _tell("Worth a look", report.warnings)
    if report.image_sets:
        say(f"Next: sdxl-reg train lora --dataset {report.image_sets[0].name}")


def _tell(title: str, problems: "tuple[Problem, ...]") -> None:
    """The first few of every kind, and how many there are of it."""
    by_code = Counter(problem.code for problem in problems)
    for code, count in by_code.most_common():
        some = [problem for problem in problems if problem.code == code]
        say(f"{title}: {count} {code.value}{_by_suffix(some)}")
        for problem in some[: max(2, _SHOWN // len(by_code))]:
            say(f"  {problem.path}: {problem.message}")


def _by_suffix(problems: "Sequence[Problem]") -> str:
    """Which kinds of files there are, where they are of several: ` (12 .svg, 3 .mp4)`."""
    suffixes = Counter(PurePosixPath(problem.path).suffix.lower() or "-" for problem in problems)
    if len(suffixes) == 1:
        return ""
    return " (" + ", ".join(f"{count} {suffix}" for suffix, count in suffixes.most_common(8)) + ")"
