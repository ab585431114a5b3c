"""`sdxl-reg grid NAME` and its other commands, and `grids`: compare versions by strengths."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sdxl_reg_cli.console import json_option, print_json, print_table, progress_bar, say
from sdxl_reg_cli.grid_files import export, write_sheet
from sdxl_reg_cli.grid_pick import pick, vote
from sdxl_reg_cli.installation import Installation, opened
from sdxl_reg_cli.picture_options import picture_options, picture_request

if TYPE_CHECKING:
    from sdxl_reg.catalog.grids import PlannedGrid
    from sdxl_reg.jobs.events import Event
    from sdxl_reg.tables import Grid

MEBI = 1 << 20


class DrawByDefault(click.Group):
    """A group whose first word may be an artifact: `grid NAME` is `grid draw NAME`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does it, with `draw` put before what is no command."""
        if args and args[0] not in (*self.commands, "--help", "-h"):
            args = ["draw", *args]
        return super().parse_args(ctx, args)


@click.group(cls=DrawByDefault)
def grid() -> None:
    """Compare the versions of an artifact at several strengths, and pick the best.

    `sdxl-reg grid NAME` is short for `sdxl-reg grid draw NAME`; its options:
    `sdxl-reg grid draw --help`.
    """


@grid.command(
    epilog="""\b
Examples:
  sdxl-reg grid weipin-lora
  sdxl-reg grid weipin-lora --strengths 0:1:0.25 --versions latest-3 --seed 1 --seed 2
  sdxl-reg grid weipin-lora@3 --prompt "qzy, flawed, spot" --sampler "DPM++ 2M Karras" --steps 30
  sdxl-reg grid weipin-lora --y "replace:spot=fold,crease" --prompt "qzy, flawed, spot"
  sdxl-reg grid weipin-lora --z cfg=3,5,7 --out weipin.html

An axis is FIELD=VALUES. The fields: strength, version, prompt, negative, seed, steps, cfg,
rescale, sampler, schedule, base, size, clip-skip, denoising, hires-scale, hires-steps,
hires-denoising, hires-upscaler, switch-at, and replace:WORD for other words in its place. Numbers
may be a range 0:1:0.1; versions all, latest-5 or every 2. Values with commas stand in double
quotes.
"""
)
@click.argument("artifact")
@click.option("--strengths", help="Range or comma list. [default: 0:1:0.1]")
@click.option("--versions", default="", help="1,3,5 or 1:5, all, latest-5. [default: newest run]")
@click.option("--prompt", "prompts", multiple=True, help="Repeatable. [default: from captions]")
@click.option(
    "--seed", "seeds", multiple=True, type=int, help="Of the noise; repeatable. [default: 1234]"
)
@click.option("--x", default="", help="Columns, as FIELD=VALUES. [default: the strengths]")
@click.option("--y", default="", help="Rows. [default: the versions]")
@click.option("--z", default="", help="Pages. [default: one]")
@picture_options
@click.option("--batch-size", type=int, help="Pictures drawn at once. [default: what fits]")
@click.option("--weight", "weights", multiple=True, help="Pick by: fidelity=1, kid=-5; repeatable.")
@click.option("--gate", "gates", multiple=True, help="Pick only: memorisation<=0.8; repeatable.")
@click.option(
    "--image-network",
    default="efficientnet-lite0",
    show_default=True,
    help="What compares pictures: dinov2:PATH or clip:PATH are better.",
)
@click.option("--text-network", default="", help="What compares pictures with words: clip:PATH.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Where to write it: .png, .jpg, .webp (sheet), .html (viewer). [default: a PNG]",
)
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
        planned = plan(registry.engine, registry.store, registry.settings, request)
        _carry_out(registry, planned, out=out, as_json=as_json)


@grid.command()
@click.argument("number", type=int)
@click.option("--out", type=click.Path(path_type=Path), help="Where to write it, as for draw.")
@json_option
def resume(number: int, out: Path | None, as_json: bool) -> None:
    """Draw what a grid still lacks, what failed included, and pick again."""
    from sdxl_reg.catalog.grids import resume as resumed

    with opened() as registry:
        planned = resumed(registry.engine, registry.store, registry.settings, number)
        _carry_out(registry, planned, out=out, as_json=as_json)


@grid.command()
@click.argument("number", type=int)
@click.option("--out", type=click.Path(path_type=Path), help="Where to write it, as for draw.")
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


def _carry_out(
    registry: Installation, planned: "PlannedGrid", *, out: Path | None, as_json: bool
) -> None:
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
    from sdxl_reg.catalog.estimates import span_words

    verb = "goes on" if planned.is_resumed else "begins"
    say(
        f"grid {planned.grid_id} {verb}: {planned.axes} of {planned.artifact}; "
        f"{planned.cell_count} cells, {planned.missing_count} to draw"
    )
    cost = planned.estimate
    if planned.missing_count:
        time = (
            f"about {span_words(cost.seconds)}" if cost.seconds else "a time that is not known yet"
        )
        say(f"  it takes {time} and {cost.size_bytes / MEBI:.1f} MiB of disk")
    for prompt in planned.prompts:
        say(f"  prompt: {prompt}")
    if planned.datasets:
        say(f"  compared with: {', '.join(planned.datasets)}")
    else:
        say("  no dataset is recorded behind these versions: nothing to compare with or pick by")


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
