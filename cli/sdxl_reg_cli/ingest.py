"""`sdxl-reg ingest`: record folders of pictures as image sets."""

import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import click

from sdxl_reg_cli.console import json_option, print_json, print_table, progress_bar, say
from sdxl_reg_cli.ingest_layout import show_layout
from sdxl_reg_cli.installation import Installation, opened
from sdxl_reg_cli.projects import project_option

if TYPE_CHECKING:
    from sdxl_reg.catalog.ingest import IngestOptions, IngestReport
    from sdxl_reg.catalog.ingest_plan import IngestPlan
    from sdxl_reg.imaging.problems import Problem

_SHOWN = 12  # problems and warnings told one by one; the rest by kind


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--as", "as_name", metavar="NAME", help="The folder itself is one image set: NAME.")
@click.option(
    "--layout",
    metavar="LEVELS",
    help="Names of the folder levels: set/brand/state, or '{brand}/{state}/{defect?}', where a "
    "level without ? that a picture lacks is told.",
)
@click.option(
    "--caption",
    metavar="TEMPLATE",
    help="Caption of pictures that have none beside them: '{tags}, black background'. Places: "
    "{tags}, {set}, and the levels, such as {brand}. [default: as before; at first {tags}]",
)
@click.option(
    "--link/--copy",
    "link",
    default=None,
    help="Leave the files where they are and point at them, or keep a copy of their bytes. "
    "[default: as before; at first --copy]",
)
@click.option("--rehash", is_flag=True, help="Read also files of unchanged size and time.")
@click.option(
    "--max-pixels",
    type=click.IntRange(min=1),
    default=128_000_000,
    show_default=True,
    help="Width × height above which a picture is not decoded.",
)
@click.option("--watch", is_flag=True, help="Stay, and ingest again whenever something changes.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask whether the layout is right.")
@project_option
@json_option
def ingest(
    folder: Path,
    as_name: str | None,
    layout: str | None,
    caption: str | None,
    link: bool | None,
    rehash: bool,
    max_pixels: int,
    watch: bool,
    yes: bool,
    project: str,
    as_json: bool,
) -> None:
    """Record the pictures of FOLDER; its files are only read.

    Each first-level folder becomes an image set, the folders below it its tags:
    products/weipin/qzy/flawed/spot/1.jpg is in the set weipin, tagged qzy/flawed/spot. Where the
    tree is one level shallower (weipin/qzy/flawed/…), FOLDER itself is the set. What was decided is
    told first, in a terminal as a table to agree to; --as and --layout overrule it.

    Captions are taken from a.txt, a.caption, a.json or metadata.jsonl beside a.jpg, in this order,
    else made from the tags. A file that cannot be read is reported and stops nothing. Run it
    again at any time: only what is new or changed is read. A file .sdxlregignore, in the syntax of
    .gitignore, says what is passed over. With --json, progress is told on stderr, an event a line.

    \b
    Examples:
      sdxl-reg ingest products/
      sdxl-reg ingest photos/ --as weipin --caption "{tags}, black background"
      sdxl-reg ingest archive/ --layout '{set}/{year}/{brand}/{state?}'
      sdxl-reg ingest /mnt/nas/products --link --watch
    """
    from sdxl_reg.catalog.ingest import IngestOptions
    from sdxl_reg.imaging.decode import Limits

    options = IngestOptions(
        as_name=as_name,
        layout=layout,
        caption=caption,
        rehash="all" if rehash else "changed",
        limits=Limits(max_pixels=max_pixels),
        link=link,
        project=project,
    )

    def announce(plan: "IngestPlan", new: frozenset[str]) -> None:
        show_layout(plan, new, ask=not (yes or as_json))

    with opened() as registry:
        _ingest_once(registry, folder, options, announce, as_json=as_json)
        if watch:
            _watch(registry, folder, options, as_json=as_json)


def _ingest_once(
    registry: Installation,
    folder: Path,
    options: "IngestOptions",
    announce: "Callable[[IngestPlan, frozenset[str]], None]",
    *,
    as_json: bool,
) -> None:
    from sdxl_reg.catalog.ingest import ingest as ingest_folder

    warnings.filterwarnings("ignore", module="PIL")  # of broken EXIF: in no way ours to mend
    with progress_bar(as_events=as_json) as advance:
        report = ingest_folder(
            registry.engine,
            registry.store,
            folder,
            options=options,
            thumbnails=registry.settings.thumbnails_path,
            progress=advance,
            announce=announce,
        )
    if as_json:
        print_json(_document(report))
    else:
        _print(report)


def _watch(
    registry: Installation, folder: Path, options: "IngestOptions", *, as_json: bool
) -> None:
    """Ingest again after every change, until interrupted; a document each with --json."""
    from watchfiles import watch

    say(f"Watching {folder}; stop with Ctrl-C")
    for _ in watch(folder, debounce=2_000, raise_interrupt=True):
        _ingest_once(registry, folder, options, lambda _plan, _new: None, as_json=as_json)


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
