"""`sdxl-reg evaluate downstream`: whether synthetic pictures pay."""

from typing import TYPE_CHECKING, Any

import click

from sdxl_reg_cli.console import json_option, print_json, print_table, progress_bar, say
from sdxl_reg_cli.installation import opened

if TYPE_CHECKING:
    from sdxl_reg.catalog.downstream import PlannedDownstream
    from sdxl_reg.evaluation.downstream.report import Downstream, Regime
    from sdxl_reg.jobs.events import Event


@click.group()
def evaluate() -> None:
    """Find out what generated pictures are good for."""


@evaluate.command(
    epilog="""\b
Examples:
  sdxl-reg evaluate downstream weipin@1 weipin-drawn
  sdxl-reg evaluate downstream weipin@1 ./drawn --by defect --ratio 1 --ratio 2 --splits 5
"""
)
@click.argument("real")
@click.argument("synthetic")
@click.option("--by", default="", help="Level or its number. [default: the deepest that varies]")
@click.option(
    "--ratio",
    "ratios",
    multiple=True,
    type=float,
    help="Synthetic pictures for each real one; repeatable. [default: 0.5, 1, 2, 4]",
)
@click.option("--splits", default=3, show_default=True, help="Of the real pictures; at least 3.")
@click.option("--held-out", default=0.3, show_default=True, help="Share that is tested on.")
@click.option(
    "--image-network",
    default="efficientnet-lite0",
    show_default=True,
    help="Or dinov2:PATH-OR-HUB-NAME, clip:PATH-OR-HUB-NAME.",
)
@json_option
def downstream(
    real: str,
    synthetic: str,
    by: str,
    ratios: tuple[float, ...],
    splits: int,
    held_out: float,
    image_network: str,
    as_json: bool,
) -> None:
    """Teach classifiers with REAL, SYNTHETIC and mixed pictures, and test them on held-out REAL.

    REAL is a dataset; SYNTHETIC another one, or a folder (written with a /) whose folders are the
    tags. A picture's class is its tag at one level. Synthetic pictures that are nearly the same as
    a held-out one are dropped.
    """
    from sdxl_reg.catalog.downstream import DEFAULT_RATIOS, DownstreamRequest, carry_out, plan

    request = DownstreamRequest(
        real=real,
        synthetic=synthetic,
        by=by,
        ratios=ratios or DEFAULT_RATIOS,
        splits=splits,
        held_out=held_out,
        image_network=image_network,
    )
    with opened() as registry:
        planned = plan(registry.engine, registry.store, registry.settings, request)
        _announce(planned)
        with progress_bar() as advance:
            found = carry_out(registry.engine, planned, lambda event: _tell(event, advance))
    if as_json:
        print_json(_document(planned, found))
    else:
        _print(found)


def _announce(planned: "PlannedDownstream") -> None:
    """What was decided, before it is done."""
    say(f"run {planned.run_id}: {planned.synthetic} for {planned.real}, classes by {planned.level}")
    for name, (real, synthetic) in planned.classes.items():
        say(f"  {name}: {real} real, {synthetic} synthetic")
    if planned.untagged:
        say(f"  {planned.untagged} real pictures have no tag and are left out")
    if planned.skipped:
        say(f"  {planned.skipped} files of the folder are no pictures and are left out")


def _tell(event: "Event", advance: Any) -> None:
    from sdxl_reg.jobs import events

    if isinstance(event, events.Progress):
        advance(event.done, event.total, event.what)
    elif isinstance(event, events.Message):
        say(event.text)


def _document(planned: "PlannedDownstream", found: "Downstream") -> dict[str, Any]:
    return {
        "run": planned.run_id,
        "real": planned.real,
        "synthetic": planned.synthetic,
        "level": planned.level,
        **found.model_dump(mode="json"),
    }


def _print(found: "Downstream") -> None:
    from sdxl_reg.evaluation.downstream.report import told

    names = [each.name for each in found.classes]
    rows = [
        [
            regime.name,
            str(regime.real),
            str(regime.synthetic),
            f"{regime.f1:.3f}",
            told(regime.difference) if regime.difference else "",
            *(_class_cell(regime, name) for name in names),
        ]
        for regime in found.regimes
    ]
    columns = ["taught with", "real", "synthetic", "mean F1", "difference (95 %)", *names]
    print_table(columns, rows, right=frozenset(range(1, len(columns))))
    say(
        f"F1 on {found.tested} held-out real pictures, mean of {len(found.seeds)} splits; "
        f"features of {found.network}; arrows: the interval leaves 0 out"
    )
    if found.copies:
        say(f"{found.copies} synthetic pictures are like held-out ones and were dropped there")
    if found.strangers:
        say(f"{found.strangers} synthetic pictures are of none of the classes and were left out")
    for each in found.left_out:
        say(f"{each.name} was not tried: {each.reason}")
    click.echo(found.verdict)


def _class_cell(regime: "Regime", name: str) -> str:
    """F1 of a class, with a mark where its interval leaves 0 out."""
    difference = regime.class_differences.get(name)
    mark = ""
    if difference is not None:
        mark = " ↑" if difference.low > 0 else " ↓" if difference.high < 0 else ""
    return f"{regime.class_f1[name]:.3f}{mark}"
