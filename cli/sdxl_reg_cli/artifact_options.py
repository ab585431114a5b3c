"""Options of artifacts, the same on one's own machine and with `--server`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

_Function = TypeVar("_Function", bound=Callable[..., Any])


def target_options(function: _Function) -> _Function:
    """Give a command `--to` and `--for` (parameters `to` and `program`): where a version goes."""
    program = click.option(
        "--for",
        "program",
        type=click.Choice(["a1111", "comfyui", "diffusers", "kohya"]),
        help="Put it where that program looks, in the form that it reads.",
    )
    to = click.option(
        "--to",
        type=click.Path(path_type=Path, file_okay=False),
        default=".",
        help="Folder; with --for that of the program. [default: .]",
    )
    return to(program(function))


def kind_option(function: _Function) -> _Function:
    """Give a command `--kind`: what a file is taken for."""
    option = click.option(
        "--kind",
        type=click.Choice(["lora", "embedding", "hypernetwork", "checkpoint"]),
        help="What it is, whatever its header says; both are recorded.",
    )
    return option(function)
