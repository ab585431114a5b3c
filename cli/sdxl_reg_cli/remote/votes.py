"""Votes on the pairs of a grid of a server."""

import functools
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sdxl_reg_cli.console import json_option
from sdxl_reg_cli.remote.server import connected
from sdxl_reg_cli.voting import EXAMPLES, Pair, ask, show_ranking

if TYPE_CHECKING:
    from sdxl_reg.client import Client


@click.command(epilog=EXAMPLES)
@click.argument("number", type=int)
@click.option("--ranking", is_flag=True, help="Ask nothing; show the ranking.")
@click.option(
    "--pair",
    type=click.Path(path_type=Path),
    default=Path("vote.png"),
    show_default=True,
    help="File here that the pairs are written to.",
)
@json_option
def vote(number: int, ranking: bool, pair: Path, as_json: bool) -> None:
    """Compare pictures of a grid two at a time, without seeing which is which.

    Each pair has the same prompt and seed. The ranking is by Bradley and Terry (1952).
    """
    with connected() as client:
        if not ranking and not as_json:
            with tempfile.TemporaryDirectory() as folder:
                ask(
                    functools.partial(_next_pair, client, number, Path(folder)),
                    lambda said: client.post("grids", number, "votes", body=said),
                    pair,
                )
        found = client.get("grids", number, "votes")
    show_ranking(found, as_json=as_json)


def _next_pair(client: "Client", number: int, folder: Path) -> Pair:
    found = client.get("grids", number, "votes", "next")
    left, right = found["left"], found["right"]
    files = (folder / "left.png", folder / "right.png")
    for side, file in zip((left, right), files, strict=True):
        file.write_bytes(client.request("GET", side["picture"]).content)
    return Pair(
        positions=(left["position"], right["position"]),
        pictures=files,
        said=f"{found['prompt']}, seed {found['seed']}",
    )
