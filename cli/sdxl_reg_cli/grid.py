"""`sdxl-reg grid NAME` and its other commands, and `grids`: compare versions by strengths."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sdxl_reg_cli.console import json_option, print_json, print_table, progress_bar, say
from sdxl_reg_cli.grid_files import export, write_sheet
from sdxl_reg_cli.grid_options import (
    AXES,
    DrawByDefault,
    compared_options,
    cost_words,
    judged_options,
    out_option,
    source_words,
)
from sdxl_reg_cli.grid_pick import pick, vote
from sdxl_reg_cli.installation import Installation, opened
from sdxl_reg_cli.picture_options import picture_options, picture_request

if TYPE_CHECKING:
    from sdxl_reg.catalog.grid_axes import GridRequest
    from sdxl_reg.catalog.grid_outline import GridOutline
    from sdxl_reg.catalog.grids import PlannedGrid
    from sdxl_reg.jobs.events import Event
    from sdxl_reg.tables import Grid


@click.group(cls=DrawByDefault)
def grid() -> None:
    """Compare the versions of an artifact at several strengths, and pick the best.

    `sdxl-reg grid NAME` is short for `sdxl-reg grid draw NAME`; its options:
    `sdxl-reg grid draw --help`.
    """


@grid.command(epilog=AXES)
@click.argument("artifact")
@compared_options
@picture_options
@judged_options
@out_option("Where to write it: .png, .jpg, .webp (sheet), .html (viewer). [default: a PNG]")
@json_option
def draw(
    artifact: str,
    strengths: str | None,
    versions: str,
    prompts: tuple[str, ...],
    seeds: tuple[int, ...],
    x: str,
    y: str,
    z: str,
    batch_size: int | None,
    weights: tuple[str, ...],
    gates: tuple[str, ...],
    image_network: str,
    text_network: str,
    dry_run: bool,
    out: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Draw versions by strengths from one noise, score them, and point @best at the pick.

    Rows are versions, columns are strengths; there is a block for each prompt and seed. What was
    drawn before is not drawn again.
    """
    from sdxl_reg.catalog.grid_axes import DEFAULT_SEEDS, GridRequest
    from sdxl_reg.catalog.grids import plan
    from sdxl_reg.evaluation.axes import parse_strengths

    request = GridRequest(
        artifact=artifact,
        versions=versions,
        strengths=parse_strengths(strengths) if strengths else (),
        prompts=prompts,
        seeds=seeds or DEFAULT_SEEDS,
        x=x,
        y=y,
        z=z,
        picture=picture_request(options),
        batch_size=batch_size,
        weights=weights,
        gates=gates or None,
        image_network=image_network,
        text_network=text_network,
    )
    with opened() as registry:
        if dry_run:
            _show_outline(registry, request, as_json=as_json)
            return
        planned = plan(registry.engine, registry.store, registry.settings, request)
        work_on(registry, planned, out=out, as_json=as_json)


@grid.command()
@click.argument("number", type=int)
@out_option("Where to write it, as for draw.")
@json_option
def resume(number: int, out: Path | None, as_json: bool) -> None:
    """Draw what a grid still lacks, what failed included, and pick again."""
    from sdxl_reg.catalog.grids import resume as resumed

    with opened() as registry:
        planned = resumed(registry.engine, registry.store, registry.settings, number)
        work_on(registry, planned, out=out, as_json=as_json)


@grid.command()
@click.argument("number", type=int)
@out_option("Where to write it, as for draw.")
@json_option
def show(number: int, out: Path | None, as_json: bool) -> None:
    """Show a grid's scores and pick, and write its sheet."""
    from sdxl_reg.catalog.grids import find_grid
    from sdxl_reg.store.database import reading

    with opened() as registry:
        with reading(registry.engine) as session:
            find_grid(session, number)
        _report(registry, number, out=out, as_json=as_json)


@click.command()
@json_option
def grids(as_json: bool) -> None:
    """List the grids, newest first."""
    from sdxl_reg.catalog.grids import grids as all_grids
    from sdxl_reg.evaluation.layout import described, read_layout
    from sdxl_reg.store.database import reading

    with opened() as registry, reading(registry.engine) as session:
        rows: list[dict[str, Any]] = [
            {
                "grid": found.id,
                "artifact": found.artifact.name,
                "axes": described(read_layout(found.spec)),
                "state": "ready" if found.sheet else "not completed",
                "best": _best(found),
                "created_at": found.created_at,
            }
            for found in all_grids(session)
        ]
    if as_json:
        print_json({"grids": rows})
        return
    columns = ["grid", "artifact", "axes", "state", "pick"]
    cells = [
        [
            str(row["grid"]),
            row["artifact"],
            row["axes"],
            row["state"],
            f"{row['best']['ref']} at {row['best']['strength']:g}" if row["best"] else "",
        ]
        for row in rows
    ]
    print_table(columns, cells, right=frozenset({0}))


grid.add_command(export)
grid.add_command(pick)
grid.add_command(vote)


def work_on(
    registry: Installation, planned: "PlannedGrid", *, out: Path | None, as_json: bool
) -> None:
    """Draw a planned grid, show how that goes, and what it comes to."""
    from sdxl_reg.catalog.grids import carry_out

    _announce(planned)
    failed: list[str] = []
    with progress_bar() as advance:
        carry_out(
            registry.engine, registry.store, planned, lambda event: _tell(event, advance, failed)
        )
    counts = {
        "cells": planned.cell_count,
        "rendered": planned.missing_count - len(failed),
        "reused": planned.cell_count - planned.missing_count,
        "failed": len(failed),
    }
    for reason in dict.fromkeys(failed):
        say(f"{failed.count(reason)} not drawn: {reason}")
    _report(registry, planned.grid_id, out=out, as_json=as_json, counts=counts)


def _announce(planned: "PlannedGrid") -> None:
    """What was decided and what it will cost, before it is done."""
    verb = "goes on" if planned.is_resumed else "begins"
    first, *others = _cost_of(planned)
    for line in (f"grid {planned.grid_id} {verb}: {first}", *others):
        say(line)


def _cost_of(found: "PlannedGrid | GridOutline") -> list[str]:
    lines = cost_words(
        axes=found.axes,
        artifact=found.artifact,
        cells=found.cell_count,
        missing=found.missing_count,
        seconds=found.estimate.seconds,
        size_bytes=found.estimate.size_bytes,
    )
    return lines + source_words(found.prompts, found.datasets)


def _show_outline(registry: Installation, request: "GridRequest", *, as_json: bool) -> None:
    from sdxl_reg.catalog.grid_outline import outline

    found = outline(registry.engine, registry.store, request)
    if as_json:
        print_json(
            {
                "artifact": found.artifact,
                "compares": found.axes,
                "versions": found.versions,
                "prompts": found.prompts,
                "datasets": found.datasets,
                "cells": found.cell_count,
                "to_draw": found.missing_count,
                "seconds": found.estimate.seconds,
                "size_bytes": found.estimate.size_bytes,
            }
        )
        return
    for line in _cost_of(found):
        click.echo(line)


def _tell(event: "Event", advance: Any, failed: list[str]) -> None:
    from sdxl_reg.jobs import events

    if isinstance(event, events.Progress):
        advance(event.done, event.total, event.what)
    elif isinstance(event, events.Message):
        say(event.text)
    elif isinstance(event, events.CellFailed):
        failed.append(event.reason)


def _report(
    registry: Installation,
    number: int,
    *,
    out: Path | None,
    as_json: bool,
    counts: dict[str, int] | None = None,
) -> None:
    from sdxl_reg.catalog.grids import find_grid
    from sdxl_reg.evaluation.layout import read_layout
    from sdxl_reg.store.database import reading

    with reading(registry.engine) as session:
        found = find_grid(session, number)
        layout = read_layout(found.spec)
        document = {
            "grid": found.id,
            "run": found.run_id,
            "sheet": write_sheet(registry, session, found, out) if found.sheet else None,
            "best": _best(found),
            "reason": found.reason,
            "axes": {axis.field: [value.label for value in axis.values] for axis in layout.axes},
            "versions": found.spec["versions"],
            "panels": [{"prompt": panel.prompt, "seed": panel.seed} for panel in layout.panels],
            **(counts or {}),
        }
        if as_json:
            print_json(document)
            return
        _print_scores(registry, found)
    _print_pick(document)


def _best(found: "Grid") -> dict[str, Any] | None:
    if found.best_version is None:
        return None
    pick = found.pick or {}
    return {
        "ref": f"{found.artifact.name}@{found.best_version.version}",
        "strength": found.best_strength,
        "settings": pick.get("settings", ""),
        "by": pick.get("by", "scores"),
        "score": pick.get("score"),
        "interval": [pick["low"], pick["high"]] if pick.get("low") is not None else None,
        "reason": found.reason,
    }


def _print_pick(document: dict[str, Any]) -> None:
    best = document["best"]
    if best:
        settings = f", {best['settings']}" if best["settings"] else ""
        say(f"Pick: {best['ref']} at strength {best['strength']:g}{settings}: {best['reason']}")
    elif document["reason"]:
        say(f"No pick: {document['reason']}")
    if document["sheet"]:
        click.echo(str(document["sheet"]))
    else:
        say(f"Not completed; go on with: sdxl-reg grid resume {document['grid']}")


def _print_scores(registry: Installation, found: "Grid") -> None:
    """Mean fidelity by column and row, page by page, as far as there are scores."""
    from sdxl_reg.catalog.grid_results import mean_scores
    from sdxl_reg.evaluation.layout import read_layout
    from sdxl_reg.store.database import reading

    with reading(registry.engine) as session:
        means = mean_scores(session, found)
    layout = read_layout(found.spec)
    for z, page in enumerate(layout.pages) if means else ():
        title = f"{layout.z.field} {page.label}, fidelity" if layout.z else "fidelity"
        rows = [
            [
                f"{layout.x.field} {value.label}",
                *(_number(means.get((x, y, z))) for y in range(len(layout.y.values))),
            ]
            for x, value in enumerate(layout.x.values)
        ]
        columns = [title, *(value.label for value in layout.y.values)]
        print_table(columns, rows, right=frozenset(range(1, len(columns))))


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
