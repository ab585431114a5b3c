"""Options of datasets, the same on one's own machine and with `--server`."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from sdxl_reg.formats.dataset_formats import EXPORTS

_Function = TypeVar("_Function", bound=Callable[..., Any])


def listed(formats: Mapping[str, str]) -> str:
    """Formats as lines of help."""
    return "\b\nFormats:\n" + "\n".join(f"  {name:<13}{text}" for name, text in formats.items())


EXPORT_EPILOG = (
    listed(EXPORTS)
    + """

\b
Examples:
  sdxl-reg dataset export weipin --to weipin-kohya --repeats 10 --class-word shirt
  sdxl-reg dataset export weipin@1 --format folder --to weipin
  sdxl-reg dataset export weipin --format hypernetwork --resolution 512 --crop saliency \\
      --caption-suffix ", black background" --to weipin-512
  sdxl-reg dataset export weipin --format parquet --names tags --to weipin-hub
"""
)


def export_options(function: _Function) -> _Function:
    """Give a command what every export can be told (`reference`, `form`, `to`, …)."""
    options = [
        click.argument("reference", metavar="NAME[@VERSION]"),
        click.option(
            "--format", "form", type=click.Choice(list(EXPORTS)), default="kohya", show_default=True
        ),
        click.option(
            "--to", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder."
        ),
        click.option(
            "--names",
            type=click.Choice(["source", "tags"]),
            help="As the files are called, or qzy_flawed_spot_01. "
            "[default: source; hypernetwork: tags]",
        ),
        click.option(
            "--resolution",
            metavar="SIZE",
            help="Cut and resize to 1024, 832x1216, or bucket: the nearest of SDXL's sizes. "
            "[default: as they are; hypernetwork: 1024]",
        ),
        click.option(
            "--crop",
            default="centre",
            show_default=True,
            metavar="HOW",
            help="What is kept in the middle: centre, edges, entropy, saliency, faces; none passes "
            "over crops that people chose.",
        ),
        click.option(
            "--split",
            type=click.Choice(["train", "validation"]),
            help="Only this one. [default: all; kohya and hypernetwork: train]",
        ),
        click.option("--caption-suffix", default="", help="Put behind every caption."),
        click.option(
            "--image-format",
            type=click.Choice(["keep", "png", "jpg", "webp"]),
            default="keep",
            show_default=True,
            help="keep: the bytes as ingested, where every reader sees them right.",
        ),
        click.option("--quality", type=int, default=95, show_default=True, help="Of jpg and webp."),
        click.option("--repeats", type=click.IntRange(min=1), help="kohya: showings an epoch."),
        click.option(
            "--class-word",
            default="",
            help="kohya: name of the one folder. "
            "[default: a folder for each tag of the first level]",
        ),
        click.option(
            "--shard-mb",
            type=click.IntRange(min=1),
            help="parquet, webdataset: size of a file. [default: 500]",
        ),
    ]
    return _given(function, options)


def freeze_options(function: _Function) -> _Function:
    """Give a command what a freeze can be told (`name`, `image_set`, `selector`, …)."""
    options = [
        click.argument("name"),
        click.option(
            "--image-set", default="", help="Set to freeze. [default: the one called NAME]"
        ),
        click.option(
            "--select", "selector", default="", help="Only these tags: 'qzy/**', '**/spot'."
        ),
        click.option(
            "--validation",
            metavar="SHARE|SELECTOR",
            help="Hold out 0.1 of the pictures, or 'brand:lsbr'; 0 for none. "
            "[default: as the last time]",
        ),
        click.option(
            "--balance",
            metavar="LEVEL",
            help="Show every value of a level equally often; '' for none. "
            "[default: as the last time]",
        ),
        click.option("--dry-run", is_flag=True, help="Say what it would hold, and store nothing."),
    ]
    return _given(function, options)


def share_or_selector(text: str | None) -> float | str | None:
    """What `--validation` means: a number is a share."""
    try:
        return float(text) if text is not None else None
    except ValueError:
        return text


def _given(function: _Function, options: Sequence[Callable[[_Function], _Function]]) -> _Function:
    for option in reversed(options):
        function = option(function)
    return function
