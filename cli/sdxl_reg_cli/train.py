"""`sdxl-reg train TRAINER`: train an artifact on a dataset."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sdxl_reg_cli.console import (
    Advance,
    cell,
    json_option,
    print_json,
    print_table,
    progress_bar,
    say,
)
from sdxl_reg_cli.installation import Installation, opened

if TYPE_CHECKING:
    from sdxl_reg.catalog.training import PlannedTraining
    from sdxl_reg.jobs.events import Event


@click.command(
    epilog="""\b
Examples:
  sdxl-reg train lora --dataset weipin
  sdxl-reg train lora --dataset weipin@1 --set rank=8 --set max_train_steps=40
  sdxl-reg train lora --dataset weipin --base ~/models/sd_xl_base_1.0 --config weipin.toml
  sdxl-reg train lora --dataset weipin --config kohya_ss-settings.json
  sdxl-reg train lora --dataset weipin --start weipin-lora@2
Settings of a trainer, with ranges and defaults: sdxl-reg trainers lora
"""
)
@click.argument("trainer")
@click.option(
    "--dataset", required=True, help="Image set to freeze, or a frozen version (weipin@1)."
)
@click.option(
    "--base",
    default="",
    help="A registered checkpoint, a diffusers folder or a single SDXL .safetensors file. "
    "[default: what --config names, else micro]",
)
@click.option(
    "--base-config",
    type=click.Path(path_type=Path),
    help="For a single file: diffusers folder with its configuration and tokenizers.",
)
@click.option(
    "--name",
    default="",
    help="Name of the artifact. [default: output_name of a kohya --config, else DATASET-TRAINER]",
)
@click.option("--start", default="", help="Train this version further: weipin-lora@2.")
@click.option(
    "--class-dataset",
    default="",
    help="Pictures of the class at large, for prior preservation; as --dataset.",
)
@click.option(
    "--mask-dataset",
    default="",
    help="Masks, white where the loss counts, named as the pictures are; as --dataset.",
)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="Settings: TOML, or a configuration of kohya_ss (JSON) or sd-scripts (TOML).",
)
@click.option("--set", "sets", multiple=True, metavar="NAME=VALUE", help="One setting; repeatable.")
@json_option
def train(
    trainer: str,
    dataset: str,
    base: str,
    base_config: Path | None,
    name: str,
    start: str,
    class_dataset: str,
    mask_dataset: str,
    config: Path | None,
    sets: tuple[str, ...],
    as_json: bool,
) -> None:
    """Train an artifact on a dataset; every saved epoch becomes a version."""
    from sdxl_reg.catalog.training import TrainingRequest, plan
    from sdxl_reg_cli.settings_files import gathered_settings

    given = gathered_settings(trainer, config, sets)
    for remark in given.remarks:
        say(remark)
    request = TrainingRequest(
        trainer=trainer,
        dataset=dataset,
        base=base or given.base or "micro",
        config_path=base_config,
        settings=given.values,
        source=given.source,
        name=name or given.name,
        start=start,
        class_dataset=class_dataset,
        mask_dataset=mask_dataset,
    )
    with opened() as registry:
        planned = plan(registry.engine, registry.store, registry.settings, request)
        work_on(registry, planned, as_json=as_json)


def work_on(registry: Installation, planned: "PlannedTraining", *, as_json: bool) -> None:
    """Carry a planned training out, show how it goes and what it made."""
    from sdxl_reg.catalog.training import carry_out

    say(
        f"run {planned.run_id}: {planned.trainer} on {planned.dataset} "
        f"({planned.image_count} images), base {planned.base}"
    )
    if chosen := planned.small_base_defaults:
        words = ", ".join(f"{name} {value}" for name, value in chosen.items())
        say(f"for a base this small, unless you say otherwise: {words}")
    with progress_bar() as advance:
        tell = _teller(advance)
        made = carry_out(registry.engine, registry.store, planned, tell)
    _show(registry, planned, made, as_json=as_json)


def _teller(advance: Advance) -> Callable[["Event"], None]:
    """A function that shows the events of a training."""
    from sdxl_reg.jobs import events

    note = ""

    def tell(event: "Event") -> None:
        nonlocal note
        if isinstance(event, events.Metric) and "step_s" in event.values:
            note = f"loss {event.values['loss']:.4f} · {event.values['step_s']:.2f} s a step"
        elif isinstance(event, events.Progress):
            advance(event.done, event.total, event.what, note)
        elif isinstance(event, events.Message):
            say(event.text)

    return tell


def _show(
    registry: Installation, planned: "PlannedTraining", made: list[int], *, as_json: bool
) -> None:
    from sdxl_reg.catalog.artifacts import version_ref
    from sdxl_reg.catalog.runs import find_run
    from sdxl_reg.store.database import reading
    from sdxl_reg.tables import ArtifactVersion

    with reading(registry.engine) as session:
        found = [session.get_one(ArtifactVersion, version_id) for version_id in made]
        versions: list[dict[str, Any]] = [
            {
                "ref": version_ref(version),
                "epoch": version.epoch,
                "step": version.step,
                "loss": version.loss,
                "sha256": version.digest,
            }
            for version in found
        ]
        state = str(find_run(session, planned.run_id).state)
    if as_json:
        run = {"id": planned.run_id, "state": state}
        print_json({"run": run, "dataset": planned.dataset, "versions": versions})
        return
    columns = ["version", "epoch", "step", "loss", "sha256"]
    rows = [
        [*(cell(v[key]) for key in ("ref", "epoch", "step", "loss")), v["sha256"][:12]]
        for v in versions
    ]
    print_table(columns, rows, right=frozenset({1, 2, 3}))
    say(f"Compare them: sdxl-reg grid {planned.artifact}")
