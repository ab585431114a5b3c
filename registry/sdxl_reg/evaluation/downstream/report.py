"""What a downstream check found: a document, and its verdict in a sentence. No torch here."""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from sdxl_reg.jobs.spec import Document

RESULT = "downstream.json"
"""The file that a job leaves."""


class Interval(Document):
    """A difference of F1 to the classifier that saw real pictures only."""

    mean: float
    low: float = Field(description="Of 95 %, over test pictures and splits.")
    high: float


class ClassCount(Document):
    """A class and its pictures."""

    name: str
    real: int
    synthetic: int


class Regime(Document):
    """One way to teach, and how well it did on real pictures that were held out."""

    name: str
    kind: Literal["real", "synthetic", "mixed"]
    ratio: float | None = Field(default=None, description="Synthetic pictures for each real one.")
    real: int = Field(description="Real pictures it was taught with, on average over the splits.")
    synthetic: int
    f1: float = Field(description="Mean over classes and splits.")
    class_f1: dict[str, float]
    difference: Interval | None = Field(default=None, description="None for real only.")
    class_differences: dict[str, Interval] = Field(default_factory=dict)


class LeftOut(Document):
    """A regime that could not be tried."""

    name: str
    reason: str


class Downstream(Document):
    """All of a check."""

    network: str
    seeds: list[int]
    tested: int = Field(description="Real pictures held out, on average over the splits.")
    groups: int = Field(description="Real pictures that are not alike.")
    classes: list[ClassCount]
    copies: int = Field(description="Synthetic pictures dropped in a split: like held-out ones.")
    strangers: int = Field(description="Synthetic pictures of no class.")
    regimes: list[Regime]
    left_out: list[LeftOut]
    verdict: str


def verdict_of(regimes: Sequence[Regime]) -> str:
    """Whether synthetic pictures pay, by the best of the mixes.

    Args:
        regimes: All that were tried.

    Returns:
        A sentence or two.
    """
    tried = [(regime, regime.difference) for regime in regimes if regime.kind == "mixed"]
    mixes = [(regime, difference) for regime, difference in tried if difference is not None]
    if not mixes:
        return "No mix of real and synthetic pictures could be tried"
    best, difference = max(mixes, key=lambda mix: mix[1].mean)
    change = f"the mean F1 by {told(difference)}"
    if difference.low > 0:
        said = f"It pays: {best.name} raises {change}, to {best.f1:.3f}"
    elif all(each.high < 0 for _, each in mixes):
        said = f"It harms: even {best.name} changes {change}"
    else:
        said = f"No gain is shown: the best mix, {best.name}, changes {change}"
    return said + _of_classes(best)


def told(difference: Interval) -> str:
    """A difference as people read it: `+0.081 (0.020 … 0.130)`."""
    return f"{difference.mean:+.3f} ({difference.low:.3f} … {difference.high:.3f})"


def _of_classes(regime: Regime) -> str:
    better = [name for name, each in regime.class_differences.items() if each.low > 0]
    worse = [name for name, each in regime.class_differences.items() if each.high < 0]
    return (f"; better at {', '.join(better)}" if better else "") + (
        f"; worse at {', '.join(worse)}" if worse else ""
    )
