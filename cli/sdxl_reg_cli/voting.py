"""Votes on pairs of pictures in the terminal, of a grid here or on a server."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from sdxl_reg_cli.console import print_json, print_table, say

EXAMPLES = """\b
Examples:
  sdxl-reg grid vote 3             shows pairs, one after the other, until you press Enter
  sdxl-reg grid vote 3 --ranking   only shows what was voted so far
"""
_WORDS = {"l": "left", "r": "right", "t": "tie"}


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two pictures of one prompt and seed.

    Attributes:
        positions: Of the left and the right cell.
        pictures: Their files.
        said: What both were asked for.
    """

    positions: tuple[int, int]
    pictures: tuple[Path, Path]
    said: str


def ask(next_pair: Callable[[], Pair], vote: Callable[[dict[str, Any]], object], to: Path) -> None:
    """Show pairs and ask which is better, until somebody has had enough.

    Args:
        next_pair: The two whose comparison tells most.
        vote: Keeps `left`, `right` (positions) and `outcome` (`left`, `right` or `tie`).
        to: The file in which the pairs are shown, side by side.
    """
    from sdxl_reg.evaluation.sheet_files import write_pair

    while True:
        pair = next_pair()
        write_pair(*pair.pictures, to=to)
        say(f"Look at {to}: {pair.said}")
        answer = click.prompt(
            "Which is better: l(eft), r(ight), t(ie), Enter to end", default="", show_default=False
        )
        word = _WORDS.get(answer.strip().casefold()[:1])
        if word is None:
            return
        left, right = pair.positions
        vote({"left": left, "right": right, "outcome": word})


def show_ranking(found: Mapping[str, Any], *, as_json: bool) -> None:
    """Print what was voted so far.

    Args:
        found: As the API gives it.
        as_json: Whether as it is.
    """
    if as_json:
        print_json(found)
        return
    rows = [
        [
            row["candidate"],
            f"{row['strength']:+.2f}",
            f"{row['low']:+.2f} to {row['high']:+.2f}",
            f"{row['wins']}/{row['losses']}/{row['ties']}",
        ]
        for row in found["ranking"]
    ]
    print_table(["place", "strength of preference", "interval", "won/lost/tied"], rows)
    say(found["verdict"])
