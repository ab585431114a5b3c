"""Grids of a server: begun, gone on with, shown, fetched and picked from."""

from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import click

from sdxl_reg_cli.console import json_option, print_json, print_table, say
from sdxl_reg_cli.grid_options import (
    AXES,
    DrawByDefault,
    compared_options,
    cost_words,
    judged_options,
    out_option,
    source_words,
)
from sdxl_reg_cli.picture_options import picture_body, remote_picture_options
from sdxl_reg_cli.remote.browse import filter_option, limit_option
from sdxl_reg_cli.remote.following import detach_option, end_as, followed
from sdxl_reg_cli.remote.server import connected, show_list
from sdxl_reg_cli.remote.votes import vote

if TYPE_CHECKING:
    from sdxl_reg.client import Client

FIDELITY = "fidelity"
KINDS = {".htm": "html"} | {
    f".{kind}": kind for kind in ("png", "webp", "html", "svg", "csv", "json", "parquet")
}
"""How a grid can be fetched: suffix of a file → the word of the API."""


@click.command()
@filter_option
@limit_option
@json_option
def grids(wanted: str, limit: int, as_json: bool) -> None:
    """List the grids of the server, newest first."""
    with connected() as client:
        columns = {"grid": "id", "of": "artifact", "compares": "compares", "state": "state"}
        show_list(client, "grids", columns=columns, limit=limit, as_json=as_json, filter=wanted)


@click.group(cls=DrawByDefault)
def grid() -> None:
    """Compare the versions of an artifact on the server, and pick the best.

    `grid NAME` is short for `grid draw NAME`; its options: `grid draw --help`.
    """


@grid.command(epilog=AXES)
@click.argument("artifact")
@compared_options
@remote_picture_options
@judged_options
@out_option("Fetch it then: .png, .webp, .html, .svg, .csv, .json, .parquet. [default: nothing]")
@detach_option
@json_option
def draw(
    artifact: str,
    strengths: str | None,
    dry_run: bool,
    out: Path | None,
    detach: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Have the server draw versions by strengths, score them, and point @best at the pick.

    Names and files are those of the server: networks by the name that the hub has them under.
    """
    from sdxl_reg.evaluation.axes import parse_strengths

    _kind_of(out)
    body = {"artifact": artifact, **picture_body(options), **options}
    body["strengths"] = parse_strengths(strengths) if strengths else ()
    body = {name: value for name, value in body.items() if value not in (None, "", ())}
    with connected() as client:
        if dry_run:
            _show_plan(client.post("grid-plans", body=body), as_json=as_json)
            return
        begun = client.post("grids", body=body)
        verb = "goes on" if begun["is_resumed"] else "begins"
        first, *others = _cost_of(begun)
        for line in (f"grid {begun['id']} {verb}: {first}", *others):
            say(line)
        if detach:
            _leave(begun, as_json=as_json)
            return
        _follow(client, begun["id"], begun["run"], out=out, as_json=as_json, begun=begun)


@grid.command()
@click.argument("number", type=int)
@out_option("Fetch it then, as for draw.")
@detach_option
@json_option
def resume(number: int, out: Path | None, detach: bool, as_json: bool) -> None:
    """Draw what a grid still lacks, what failed included, and pick again."""
    _kind_of(out)
    with connected() as client:
        run_id = client.get("grids", number)["run"]
        progress = client.post("grids", number, "resume")
        say(f"grid {number} goes on: {progress['total'] - progress['drawn']} cells lack a picture")
        if detach:
            _leave({"id": number, "run": run_id, **progress}, as_json=as_json)
            return
        _follow(client, number, run_id, out=out, as_json=as_json)


@grid.command()
@click.argument("number", type=int)
@out_option("Fetch it, as for draw.")
@json_option
def show(number: int, out: Path | None, as_json: bool) -> None:
    """Show a grid's scores and pick."""
    _kind_of(out)
    with connected() as client:
        show_grid(client, number, out=out, as_json=as_json)


@grid.command()
@click.argument("number", type=int)
@click.option("--to", type=click.Path(path_type=Path), required=True, help="The suffix decides.")
@click.option("--metric", default="", help="Shown on sheets and plots. [default: fidelity]")
@json_option
def export(number: int, to: Path, metric: str, as_json: bool) -> None:
    """Fetch a grid as a page to look at, a sheet, a plot, or a table of its cells."""
    _kind_of(to)
    with connected() as client:
        written = _fetched(client, number, to, metric=metric)
    if as_json:
        print_json({"grid": number, "files": [written]})
        return
    click.echo(str(written))


@grid.command()
@click.argument("number", type=int)
@click.option("--cell", type=int, help="Position of a cell, as pages and tables show it.")
@click.option("--reason", default="", help="Why; it is recorded.")
@click.option("--by-scores", is_flag=True, help="Let the scores decide again.")
@json_option
def pick(number: int, cell: int | None, reason: str, by_scores: bool, as_json: bool) -> None:
    """Choose a cell's version and strength as @best yourself; scores do not overrule it later."""
    from sdxl_reg.errors import UsageError

    if by_scores == (cell is not None):
        raise UsageError("nothing to choose", remedy="Give --cell POSITION, or --by-scores")
    body = {"by": "scores"} if by_scores else {"cell": cell, "reason": reason}
    with connected() as client:
        found = client.post("grids", number, "pick", body=body)
    best, told = found["best"], found["pick"] or {}
    document = {
        "grid": number,
        "ref": best["ref"] if best else None,
        "strength": best["strength"] if best else None,
        "reason": best["reason"] if best else told.get("reason", ""),
    }
    if as_json:
        print_json(document)
    elif best:
        say(f"{document['ref']} at strength {document['strength']:g}: {document['reason']}")
    else:
        say(f"No pick: {document['reason']}")


grid.add_command(vote)


def show_grid(
    client: "Client",
    number: int,
    *,
    out: Path | None,
    as_json: bool,
    counts: dict[str, int] | None = None,
) -> None:
    """Print a grid: its scores and its pick, or a document with the members that `grid` gives.

    Args:
        client: The server.
        number: Of the grid.
        out: Where it is fetched to; None: nowhere.
        as_json: Whether as a document.
        counts: Of its cells, where some were drawn just now.
    """
    found = client.get("grids", number)
    is_ready = found["sheet"] is not None
    document = {
        "grid": number,
        "run": found["run"],
        "state": found["state"],
        "sheet": _fetched(client, number, out) if out and is_ready else None,
        "best": _best(found),
        "reason": (found["pick"] or {}).get("reason", ""),
        "axes": {axis["field"]: axis["values"] for axis in found["axes"]},
        "versions": found["versions"],
        "panels": found["panels"],
        **(counts or {}),
    }
    if as_json:
        print_json(document)
        return
    _print_scores(found)
    if document["best"]:
        best = document["best"]
        settings = f", {best['settings']}" if best["settings"] else ""
        say(f"Pick: {best['ref']} at strength {best['strength']:g}{settings}: {best['reason']}")
    elif document["reason"]:
        say(f"No pick: {document['reason']}")
    if not is_ready:
        say(f"Not completed; go on with: sdxl-reg grid resume {number}")
    click.echo(str(document["sheet"] or f"{client.server}/grids/{number}"))


def _follow(
    client: "Client",
    number: int,
    run_id: int,
    *,
    out: Path | None,
    as_json: bool,
    begun: dict[str, Any] | None = None,
) -> None:
    run = followed(client, run_id)
    counts = {}
    if begun is not None:
        failures = client.get("grids", number, "progress")["failures"]
        for reason in dict.fromkeys(failures.values()):
            say(f"{list(failures.values()).count(reason)} not drawn: {reason}")
        counts = {"cells": begun["cells"], "rendered": begun["to_draw"] - len(failures)}
        counts |= {"reused": begun["cells"] - begun["to_draw"], "failed": len(failures)}
    show_grid(client, number, out=out, as_json=as_json, counts=counts)
    end_as(run, as_json=as_json)


def _leave(begun: dict[str, Any], *, as_json: bool) -> None:
    say(f"run {begun['run']} draws it: sdxl-reg run follow {begun['run']}")
    if as_json:
        print_json(begun)


def _show_plan(plan: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(plan)
        return
    for line in _cost_of(plan):
        click.echo(line)


def _cost_of(plan: dict[str, Any]) -> list[str]:
    lines = cost_words(
        axes=plan["compares"],
        artifact=plan["artifact"],
        cells=plan["cells"],
        missing=plan["to_draw"],
        seconds=plan["seconds"],
        size_bytes=plan["size_bytes"],
    )
    return lines + source_words(plan["prompts"], plan["datasets"])


def _best(found: dict[str, Any]) -> dict[str, Any] | None:
    pick = found["pick"]
    if not pick or pick["ref"] is None:
        return None
    names = ("ref", "strength", "settings", "by", "score", "interval", "reason")
    return {name: pick[name] for name in names}


def _print_scores(found: dict[str, Any]) -> None:
    """Mean fidelity by column and row, page by page, as far as there are scores."""
    values: dict[tuple[int, int, int], list[float]] = {}
    for cell in found["cells"]:
        for score in cell["scores"]:
            if score["metric"] == FIDELITY:
                values.setdefault((cell["x"], cell["y"], cell["z"]), []).append(score["value"])
    if not values:
        return
    x, y, *pages = found["axes"]
    for z, page in enumerate(pages[0]["values"] if pages else [""]):
        title = f"{pages[0]['field']} {page}, {FIDELITY}" if pages else FIDELITY
        rows = [
            [
                f"{x['field']} {label}",
                *(_mean(values.get((column, row, z))) for row in range(len(y["values"]))),
            ]
            for column, label in enumerate(x["values"])
        ]
        print_table([title, *y["values"]], rows, right=frozenset(range(1, len(y["values"]) + 1)))


def _mean(scores: list[float] | None) -> str:
    return f"{fmean(scores):.3f}" if scores else ""


def _kind_of(out: Path | None) -> str:
    """The word of the API for what a file shall be, said before anything is drawn."""
    from sdxl_reg.errors import InvalidValue

    suffix = out.suffix.lower() if out else ".png"
    if suffix not in KINDS:
        raise InvalidValue(
            "not a kind of file that a server gives of a grid",
            str(out),
            remedy=f"Use {', '.join(KINDS)}",
        )
    return KINDS[suffix]


def _fetched(client: "Client", number: int, to: Path, *, metric: str = "") -> Path:
    """A grid as a file; nothing appears before all of it is there."""
    part = to.with_name(f".{to.name}.part")
    part.parent.mkdir(parents=True, exist_ok=True)
    url = f"/api/v1/grids/{number}/export/{_kind_of(to)}"
    params = {"metric": metric} if metric else {}
    with client.stream("GET", url, params=params) as answer, part.open("wb") as sink:
        for data in answer.iter_bytes():
            sink.write(data)
    part.replace(to)
    return to
