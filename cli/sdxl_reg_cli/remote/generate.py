"""Generations of a server: begun, gone on with, listed, and their pictures fetched."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sdxl_reg_cli.console import json_option, print_json, progress_bar, say
from sdxl_reg_cli.picture_options import picture_body, remote_picture_options
from sdxl_reg_cli.remote.browse import filter_option, limit_option
from sdxl_reg_cli.remote.following import detach_option, end_as, followed
from sdxl_reg_cli.remote.server import connected, show_list

if TYPE_CHECKING:
    from sdxl_reg.client import Client


@click.command()
@filter_option
@limit_option
@json_option
def generations(wanted: str, limit: int, as_json: bool) -> None:
    """List the generations of the server, newest first."""
    with connected() as client:
        columns = {"generation": "id", "run": "run", "state": "state", "drawn": "drawn"}
        columns |= {"of": "total", "prompt": "prompt"}
        query = {"filter": wanted}
        show_list(client, "generations", columns=columns, limit=limit, as_json=as_json, **query)


@click.command()
@click.argument("prompts", nargs=-1, metavar="PROMPT...")
@click.option("--resume", "number", type=int, help="Draw what this generation still lacks.")
@click.option("-n", "--count", default=1, show_default=True, help="Pictures of each prompt.")
@click.option("--seed", type=int, help="Of the first one; the next ones count on. [default: any]")
@remote_picture_options
@click.option("--batch-size", type=int, help="Pictures drawn at once. [default: what fits]")
@click.option("--project", help="Whose they are. [default: main, or the only one possible]")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("generated"),
    show_default=True,
    help="Folder here that receives the PNGs.",
)
@detach_option
@json_option
def generate(
    prompts: tuple[str, ...],
    number: int | None,
    out: Path,
    detach: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Have the server draw pictures of prompts, and fetch them.

    \b
    Example:
      sdxl-reg --server http://registry:8000 generate "qzy, spot <lora:weipin-lora@best:0.8>" -n 4
    """
    from sdxl_reg.errors import UsageError

    picture = picture_body(options)
    if bool(prompts) == (number is not None):
        raise UsageError(
            "it takes one of a prompt and --resume",
            remedy='Write: sdxl-reg generate "a red mug"',
        )
    if number is not None and picture:
        raise UsageError(
            f"--resume draws what was asked for before, so {', '.join(picture)} cannot be said",
            remedy="Leave it out, or ask anew with a prompt",
        )
    with connected() as client:
        if number is None:
            body = {"prompts": prompts, **picture, **options}
            said = {name: value for name, value in body.items() if value is not None}
            begun = client.post("generations", body=said)
        else:
            begun = client.post("generations", number, "resume")
        verb = "begins" if number is None else "goes on"
        say(f"generation {begun['id']} {verb}: {begun['total'] - begun['drawn']} to draw")
        if not detach:
            run = followed(client, begun["run"])
            show_generation(client, begun["id"], out=out, as_json=as_json)
            end_as(run, as_json=as_json)
            return
    say(f"run {begun['run']} draws it: sdxl-reg run follow {begun['run']}")
    if as_json:
        print_json(begun)


def show_generation(client: "Client", number: int, *, out: Path, as_json: bool) -> None:
    """Fetch the pictures of a generation, and print where they are.

    Args:
        client: The server.
        number: Of the generation.
        out: Folder that receives them.
        as_json: Whether as a document with the members that `generate` gives.
    """
    found = client.get("generations", number)
    with progress_bar() as advance:
        pictures = []
        for done, picture in enumerate(found["pictures"]):
            advance(done + 1, found["total"], "fetching")
            pictures.append(
                {
                    "position": picture["position"],
                    "path": _fetched(client, number, picture, out),
                    "sha256": picture["sha256"],
                    "reason": picture["reason"],
                    "request": picture["request"],
                }
            )
    if as_json:
        document = {"generation": number, "run": found["run"], "state": found["state"]}
        print_json({**document, "pictures": pictures})
        return
    for picture in pictures:
        path = picture["path"]
        click.echo(str(path) if path else f"failed: {picture['reason'] or 'not drawn'}")


def _fetched(client: "Client", number: int, picture: dict[str, Any], out: Path) -> Path | None:
    """A picture as a file, compared with its digest; None where it is not drawn."""
    from sdxl_reg.client.files import fetch_file

    if picture["sha256"] is None:
        return None
    seed = picture["request"].get("seed", 0)
    to = out / f"{number:05d}-{picture['position']:04d}-{seed}.png"
    size = client.get(picture["image"])["size_bytes"]
    fetch_file(client, picture["picture"], to, sha256=picture["sha256"], size_bytes=size)
    return to
