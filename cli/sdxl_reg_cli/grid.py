"""`sdxl-reg grid NAME`, `grid show`, `grid resume` and `grids`: compare versions by strengths."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sdxl_reg_cli.console import json_option, print_json, print_table, progress_bar, say
from sdxl_reg_cli.installation import Installation, opened

if TYPE_CHECKING:
    from sdxl_reg.catalog.grids import PlannedGrid
    from sdxl_reg.jobs.events import Event
    from sdxl_reg.tables import Grid


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
  sdxl-reg grid weipin-lora --strengths 0:1:0.25 --versions 1,3,5 --seed 1 --seed 2
  sdxl-reg grid weipin-lora@3 --prompt "qzy, flawed, spot" --sampler "DPM++ 2M" --steps 30
"""
)
@click.argument("artifact")
@click.option("--strengths", default="0:1:0.1", show_default=True, help="Range or comma list.")
@click.option("--versions", help="Numbers: 1,3,5 or 1:5. [default: all of the newest run]")
@click.option("--prompt", "prompts", multiple=True, help="Repeatable. [default: from captions]")
@click.option(
    "--seed", "seeds", multiple=True, type=int, help="Of the noise; repeatable. [default: 1234]"
)
@click.option("--negative-prompt", default="", help="What to lead away from.")
@click.option("--steps", default=20, show_default=True, help="Steps of the sampler.")
@click.option("--guidance-scale", default=5.0, show_default=True, help="1 or less: none.")
@click.option(
    "--sampler", default="Euler", show_default=True, help="Euler, Euler a, DPM++ 2M, DDIM."
)
@click.option("--width", type=int, help="Pixels. [default: the base's own]")
@click.option("--height", type=int, help="Pixels. [default: the base's own]")
@click.option("--base", default="", help="What to draw on. [default: what they were trained on]")
@click.option(
    "--base-config",
    type=click.Path(path_type=Path),
    help="For a single-file base: diffusers folder with its configuration and tokenizers.",
)
@click.option("--batch-size", default=11, show_default=True, help="Pictures drawn at once.")
@click.option("--out", type=click.Path(path_type=Path), help="Where to write the sheet (PNG).")
@json_option
def draw(
    artifact: str,
    strengths: str,
    versions: str | None,
    prompts: tuple[str, ...],
    seeds: tuple[int, ...],
    negative_prompt: str,
    steps: int,
    guidance_scale: float,
    sampler: str,
    width: int | None,
    height: int | None,
    base: str,
    base_config: Path | None,
    batch_size: int,
    out: Path | None,
    as_json: bool,
) -> None:
    """Draw versions by strengths from one noise, score them, and point @best at the pick.

    Rows are versions, columns are strengths; there is a block for each prompt and seed. What was
    drawn before is not drawn again.
    """
    from sdxl_reg.catalog.grid_requests import GridRequest
    from sdxl_reg.catalog.grids import plan
    from sdxl_reg.evaluation.plan import DEFAULT_SEEDS, parse_strengths, parse_versions

    request = GridRequest(
        artifact=artifact,
        versions=parse_versions(versions) if versions else (),
        strengths=parse_strengths(strengths),
        prompts=prompts,
        seeds=seeds or DEFAULT_SEEDS,
        negative_prompt=negative_prompt,
        num_inference_steps=steps,
        guidance_scale=guidance_scale,
        sampler=sampler,
        width=width,
        height=height,
        base=base,
        config_path=base_config,
        batch_size=batch_size,
    )
    with opened() as registry:
        planned = plan(registry.engine, registry.store, registry.settings, request)
        _carry_out(registry, planned, out=out, as_json=as_json)


@grid.command()
@click.argument("number", type=int)
@click.option("--out", type=click.Path(path_type=Path), help="Where to write the sheet (PNG).")
@json_option
def resume(number: int, out: Path | None, as_json: bool) -> None:
    """Draw what a grid still lacks, and pick again."""
    from sdxl_reg.catalog.grids import resume as resumed

    with opened() as registry:
        planned = resumed(registry.engine, registry.store, registry.settings, number)
        _carry_out(registry, planned, out=out, as_json=as_json)


@grid.command()
@click.argument("number", type=int)
@click.option("--out", type=click.Path(path_type=Path), help="Where to write the sheet (PNG).")
@json_option
def show(number: int, out: Path | None, as_json: bool) -> None:
    """Show a grid's scores and pick, and write its sheet."""
    from sdxl_reg.catalog.grids import find_grid
    from sdxl_reg.store.database import reading

    with opened() as registry, reading(registry.engine) as session:
        found = find_grid(session, number)
        document = _document(registry, found, out=out)
        if as_json:
            print_json(document)
        else:
            _print(registry, found, document)


@click.command()
@json_option
def grids(as_json: bool) -> None:
    """List the grids, newest first."""
    from sdxl_reg.catalog.grids import grids as all_grids
    from sdxl_reg.store.database import reading

    with opened() as registry, reading(registry.engine) as session:
        rows: list[dict[str, Any]] = [
            {
                "grid": found.id,
                "artifact": found.artifact.name,
                "versions": len(found.spec["versions"]),
                "strengths": len(found.spec["strengths"]),
                "state": "ready" if found.sheet else "not completed",
                "best": _best(found),
                "created_at": found.created_at,
            }
            for found in all_grids(session)
        ]
    if as_json:
        print_json({"grids": rows})
        return
    columns = ["grid", "artifact", "versions", "strengths", "state", "pick"]
    cells = [
        [
            str(row["grid"]),
            row["artifact"],
            str(row["versions"]),
            str(row["strengths"]),
            row["state"],
            f"{row['best']['ref']} at {row['best']['strength']:g}" if row["best"] else "",
        ]
        for row in rows
    ]
    print_table(columns, cells, right=frozenset({0, 2, 3}))


def _carry_out(
    registry: Installation, planned: "PlannedGrid", *, out: Path | None, as_json: bool
) -> None:
    from sdxl_reg.catalog.grids import carry_out, find_grid
    from sdxl_reg.store.database import reading

    _announce(planned)
    with progress_bar() as advance:
        carry_out(registry.engine, registry.store, planned, lambda event: _tell(event, advance))
    with reading(registry.engine) as session:
        found = find_grid(session, planned.grid_id)
        document = _document(registry, found, out=out) | {
            "cells": planned.cell_count,
            "rendered": planned.missing_count,
            "reused": planned.cell_count - planned.missing_count,
        }
        if as_json:
            print_json(document)
        else:
            _print(registry, found, document)


def _announce(planned: "PlannedGrid") -> None:
    """What was decided, before it is done."""
    verb = "goes on" if planned.is_resumed else "begins"
    say(
        f"grid {planned.grid_id} {verb}: {', '.join(planned.versions)}; "
        f"{planned.cell_count} cells, {planned.missing_count} to draw"
    )
    for prompt in planned.prompts:
        say(f"  prompt: {prompt}")
    if planned.datasets:
        say(f"  compared with: {', '.join(planned.datasets)}")
    else:
        say("  no dataset is recorded behind these versions: nothing to score, nothing to pick by")


def _tell(event: "Event", advance: Any) -> None:
    from sdxl_reg.jobs import events

    if isinstance(event, events.Progress):
        advance(event.done, event.total, event.what)
    elif isinstance(event, events.Message):
        say(event.text)


def _document(registry: Installation, found: "Grid", *, out: Path | None) -> dict[str, Any]:
    """A grid as JSON; its sheet is written on the way."""
    from sdxl_reg.catalog.grid_results import write_sheet

    sheet = None
    if found.sheet is not None:
        name = f"{found.artifact.name}-grid-{found.id}.png"
        to = out or registry.settings.home / "sheets" / name
        sheet = write_sheet(registry.store, found.sheet.sha256, to)
    return {
        "grid": found.id,
        "run": found.run_id,
        "sheet": sheet,
        "best": _best(found),
        "versions": found.spec["versions"],
        "strengths": found.spec["strengths"],
        "prompts": found.spec["prompts"],
        "seeds": found.spec["seeds"],
    }


def _best(found: "Grid") -> dict[str, Any] | None:
    if found.best_version is None:
        return None
    return {
        "ref": f"{found.artifact.name}@{found.best_version.version}",
        "strength": found.best_strength,
        "reason": found.reason,
    }


def _print(registry: Installation, found: "Grid", document: dict[str, Any]) -> None:
    _print_scores(registry, found)
    best = document["best"]
    if best:
        say(f"Pick: {best['ref']} at strength {best['strength']:g}: {best['reason']}")
        say(f"It is {found.artifact.name}@best now")
    if document["sheet"]:
        click.echo(str(document["sheet"]))
    else:
        say(f"Not completed; go on with: sdxl-reg grid resume {found.id}")


def _print_scores(registry: Installation, found: "Grid") -> None:
    """Mean fidelity by strength and version, as far as there are scores."""
    from sdxl_reg.catalog.grid_results import mean_scores
    from sdxl_reg.store.database import reading

    with reading(registry.engine) as session:
        means = mean_scores(session, found)
    if not means:
        return
    numbers = sorted({number for number, _ in means})
    rows = [
        [f"{strength:g}", *(_number(means.get((number, strength))) for number in numbers)]
        for strength in found.spec["strengths"]
    ]
    columns = ["fidelity at", *(f"@{number}" for number in numbers)]
    print_table(columns, rows, right=frozenset(range(len(columns))))


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
