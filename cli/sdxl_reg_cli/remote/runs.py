"""Runs of a server: begun, followed, ended and gone on with."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sdxl_reg_cli.console import json_option, print_json, print_table, say
from sdxl_reg_cli.remote.browse import filter_option, limit_option
from sdxl_reg_cli.remote.following import Followed, detach_option, end_as, followed
from sdxl_reg_cli.remote.grids import show_grid
from sdxl_reg_cli.remote.server import connected, show_list

if TYPE_CHECKING:
    from sdxl_reg.client import Client


@click.command()
@filter_option
@limit_option
@json_option
def runs(wanted: str, limit: int, as_json: bool) -> None:
    """List the runs of the server, newest first."""
    with connected() as client:
        columns = {"run": "id", "state": "state", "what": "title", "error": "error"}
        show_list(client, "runs", columns=columns, limit=limit, as_json=as_json, filter=wanted)


@click.group()
def run() -> None:
    """Show, follow, end or go on with a run of the server, or read its log."""


@run.command()
@click.argument("run_id", type=int)
@json_option
def show(run_id: int, as_json: bool) -> None:
    """Show a run: its settings, what it took and gave, its last numbers."""
    with connected() as client:
        document = client.get("runs", run_id)
    if as_json:
        print_json(document)
        return
    for name, value in document.items():
        if name not in ("metrics", "samples") and value is not None:
            click.echo(f"{name:<12} {value}")


@run.command()
@click.argument("run_id", type=int)
def logs(run_id: int) -> None:
    """Print what the process of a run wrote."""
    with connected() as client:
        click.echo(client.text("runs", run_id, "log"), nl=False)


@run.command()
@click.argument("run_id", type=int)
@json_option
def follow(run_id: int, as_json: bool) -> None:
    """Show how a run goes until it has ended."""
    with connected() as client:
        _follow(client, run_id, as_json=as_json)


@run.command()
@click.argument("run_id", type=int)
def cancel(run_id: int) -> None:
    """End a run; what it has made stays, and it can be gone on with."""
    with connected() as client:
        said = client.post("runs", run_id, "cancel")
    say(f"run {run_id} is {said['state']}")


@run.command()
@click.argument("run_id", type=int)
@detach_option
@json_option
def resume(run_id: int, detach: bool, as_json: bool) -> None:
    """Go on with a training, a grid or a generation that was stopped."""
    with connected() as client:
        _begun(client, client.post("runs", run_id, "resume"), detach=detach, as_json=as_json)


@click.command()
@click.argument("trainer")
@click.option(
    "--dataset", required=True, help="Image set to freeze, or a frozen version (weipin@1)."
)
@click.option("--base", default="", help="A recorded checkpoint. [default: micro]")
@click.option("--name", default="", help="Name of the artifact. [default: DATASET-TRAINER]")
@click.option("--start", default="", help="Train this version further: weipin-lora@2.")
@click.option("--class-dataset", default="", help="Pictures of the class at large.")
@click.option("--mask-dataset", default="", help="Masks, white where the loss counts.")
@click.option("--config", type=click.Path(path_type=Path), help="Settings: a file of this machine.")
@click.option("--set", "sets", multiple=True, metavar="NAME=VALUE", help="One setting; repeatable.")
@detach_option
@json_option
def train(
    trainer: str,
    dataset: str,
    base: str,
    name: str,
    start: str,
    class_dataset: str,
    mask_dataset: str,
    config: Path | None,
    sets: tuple[str, ...],
    detach: bool,
    as_json: bool,
) -> None:
    """Train an artifact on the server; every saved epoch becomes a version.

    \b
    Example:
      sdxl-reg --server http://registry:8000 train lora --dataset weipin --set rank=8
    """
    from sdxl_reg_cli.settings_files import gathered_settings

    given = gathered_settings(trainer, config, sets)
    for remark in given.remarks:
        say(remark)
    body: dict[str, Any] = {
        "trainer": trainer,
        "dataset": dataset,
        "base": base or given.base,
        "name": name or given.name,
        "start": start,
        "class_dataset": class_dataset,
        "mask_dataset": mask_dataset,
        "settings": given.values,
    }
    with connected() as client:
        made = client.post("runs", body={key: value for key, value in body.items() if value})
        _begun(client, made, detach=detach, as_json=as_json)


def _begun(client: "Client", made: dict[str, Any], *, detach: bool, as_json: bool) -> None:
    say(f"run {made['id']}: {made['title']}")
    if not detach:
        _follow(client, made["id"], as_json=as_json)
    elif as_json:
        print_json(made)


def _follow(client: "Client", run_id: int, *, as_json: bool) -> None:
    """Show a run until it has ended, and what it gave; ends as it did."""
    run = followed(client, run_id)
    if as_json:
        told: dict[str, Any] = {
            "run": {"id": run_id, "state": run.state},
            "versions": run.given_of("artifact"),
        }
        grids, generations = run.given_of("grid"), run.given_of("generation")
        told |= {"grid": int(grids[-1])} if grids else {}
        told |= {"generation": int(generations[-1])} if generations else {}
        print_json(told)
    else:
        _show_given(client, run)
    end_as(run, as_json=as_json)


def _show_given(client: "Client", run: Followed) -> None:
    """What a run gave: versions as a table, a grid with its scores, where pictures are."""
    for number in run.given_of("grid"):
        show_grid(client, int(number), out=None, as_json=False)
    for number in run.given_of("generation"):
        click.echo(f"{client.server}/generations/{number}")
    if versions := run.given_of("artifact"):
        print_table(["version"], [[ref] for ref in versions])
