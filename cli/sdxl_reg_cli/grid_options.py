"""What `grid` takes besides how pictures are drawn, on one's own machine and with `--server`."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

_Function = TypeVar("_Function", bound=Callable[..., Any])

AXES = """\b
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
"""What stands below the help of `grid draw`."""


class DrawByDefault(click.Group):
    """A group whose first word may be an artifact: `grid NAME` is `grid draw NAME`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does it, with `draw` put before what is no command."""
        if args and args[0] not in (*self.commands, "--help", "-h"):
            args = ["draw", *args]
        return super().parse_args(ctx, args)


def compared_options(function: _Function) -> _Function:
    """Give a command what says which versions are compared, at what and on what."""
    options = [
        click.option("--strengths", help="Range or comma list. [default: 0:1:0.1]"),
        click.option(
            "--versions", default="", help="1,3,5 or 1:5, all, latest-5. [default: newest run]"
        ),
        click.option(
            "--prompt", "prompts", multiple=True, help="Repeatable. [default: from captions]"
        ),
        click.option(
            "--seed",
            "seeds",
            multiple=True,
            type=int,
            help="Of the noise; repeatable. [default: 1234]",
        ),
        click.option("--x", default="", help="Columns, as FIELD=VALUES. [default: the strengths]"),
        click.option("--y", default="", help="Rows. [default: the versions]"),
        click.option("--z", default="", help="Pages. [default: one]"),
    ]
    return _all_of(options, function)


def judged_options(function: _Function) -> _Function:
    """Give a command what says how its pictures are drawn at once, scored and picked."""
    options = [
        click.option("--batch-size", type=int, help="Pictures drawn at once. [default: what fits]"),
        click.option(
            "--weight", "weights", multiple=True, help="Pick by: fidelity=1, kid=-5; repeatable."
        ),
        click.option(
            "--gate", "gates", multiple=True, help="Pick only: memorisation<=0.8; repeatable."
        ),
        click.option(
            "--image-network",
            default="efficientnet-lite0",
            show_default=True,
            help="What compares pictures: dinov2:PATH or clip:PATH are better.",
        ),
        click.option(
            "--text-network", default="", help="What compares pictures with words: clip:PATH."
        ),
        click.option("--dry-run", is_flag=True, help="Only say what it would come to."),
    ]
    return _all_of(options, function)


def out_option(words: str) -> Callable[[_Function], _Function]:
    """The option `--out` of a command that writes a grid.

    Args:
        words: What it means.
    """
    return click.option("--out", type=click.Path(path_type=Path), help=words)


def cost_words(
    *, axes: str, artifact: str, cells: int, missing: int, seconds: float | None, size_bytes: int
) -> list[str]:
    """What a grid comes to, in lines for people.

    Args:
        axes: In words.
        artifact: Whose versions.
        cells: All places.
        missing: Pictures that are to be drawn.
        seconds: What that takes; None where that is not known.
        size_bytes: Likewise, on disk.
    """
    from sdxl_reg.evaluation.work import span_words

    lines = [f"{axes} of {artifact}; {cells} cells, {missing} to draw"]
    if missing:
        time = f"about {span_words(seconds)}" if seconds else "a time that is not known yet"
        lines.append(f"  it takes {time} and {size_bytes / (1 << 20):.1f} MiB of disk")
    return lines


def source_words(prompts: Sequence[str], datasets: Sequence[str]) -> list[str]:
    """What a grid draws and is compared with, in lines for people.

    Args:
        prompts: What is drawn.
        datasets: Where references come from.
    """
    lines = [f"  prompt: {prompt}" for prompt in prompts]
    if datasets:
        return [*lines, f"  compared with: {', '.join(datasets)}"]
    said = "no dataset is recorded behind these versions: nothing to compare with or pick by"
    return [*lines, f"  {said}"]


def _all_of(options: Sequence[Callable[[_Function], _Function]], function: _Function) -> _Function:
    for option in reversed(options):
        function = option(function)
    return function
