"""What a grid chose, what people say to choose otherwise, and their votes."""

from typing import Any, Literal

from pydantic import Field, model_validator

from sdxl_reg.catalog.artifacts import version_ref
from sdxl_reg.tables import Grid
from sdxl_reg.vocabulary import Chooser, Outcome
from sdxl_reg.web.schemas.base import Document, Number

MOST_SIGNS = 2000
"""Of a reason that a person gives."""


class BestCell(Document):
    """What a grid picked."""

    ref: str = Field(description="The version: `weipin-lora@3`.")
    strength: float
    reason: str


class RejectedPlace(Document):
    """A place that was out before scores were compared."""

    place: tuple[int, int, int] = Field(description="x, y and z.")
    label: str
    why: str


class PickItem(Document):
    """A choice with all that was weighed."""

    by: Chooser = Field(description="`scores`, or a `person`.")
    ref: str | None = Field(description="The version; null where nothing could be chosen.")
    strength: float | None
    settings: str = Field(description="What else tells the place from others: `cfg 5`.")
    reason: str
    place: tuple[int, int, int] | None = Field(description="x, y and z.")
    score: float | None = Field(description="Weighted mean over the draws; null for a person's.")
    interval: tuple[float, float] | None = Field(description="90 %; null with too few draws.")
    standard_error: float | None
    draws: int | None = Field(description="Prompts and seeds that the mean is over.")
    base_score: float | None = Field(description="What the base reaches without the version.")
    rejected: list[RejectedPlace]


class PickRequest(Document):
    """A cell, or that the scores shall choose."""

    cell: Number | None = Field(default=None, description="Position of the cell to choose.")
    reason: str = Field(default="", max_length=MOST_SIGNS, description="In your own words.")
    by: Literal["scores"] | None = Field(default=None, description="Let the scores choose.")

    @model_validator(mode="after")
    def _says_one_thing(self) -> "PickRequest":
        if (self.cell is None) == (self.by is None):
            raise ValueError('give "cell" with a position, or "by": "scores"')
        return self


class GridPick(Document):
    """What a grid chose."""

    grid: int
    best: BestCell | None
    pick: PickItem | None


class VoteSide(Document):
    """One of two pictures, without its name."""

    position: int = Field(description="Of the cell; what a vote says.")
    picture: str = Field(description="Where its PNG is, under a name that tells nothing.")


class VotePair(Document):
    """Two pictures of one prompt and seed; which is which is not said."""

    grid: int
    left: VoteSide
    right: VoteSide
    prompt: str
    seed: int
    votes: int = Field(description="Given so far.")


class VoteRequest(Document):
    """What a voter says of a pair."""

    left: Number = Field(description="Position of the cell on the left.")
    right: Number = Field(description="Position of the cell on the right.")
    outcome: Outcome = Field(description="Which is better.")


class RankingItem(Document):
    """What the votes say of one place."""

    candidate: str
    strength: float = Field(description="In logits; 0 is the middle of all.")
    low: float = Field(description="Lower end of its 90 % interval.")
    high: float
    wins: int
    losses: int
    ties: int
    is_first: bool = Field(description="Whether the votes do not tell it from the strongest.")


class RankingDocument(Document):
    """The places of a grid as the votes rank them, strongest first."""

    grid: int
    votes: int
    ranking: list[RankingItem]
    verdict: str = Field(description="What the votes tell, and what they do not, in a sentence.")


def best_of(grid: Grid) -> BestCell | None:
    """What a grid picked; none before that."""
    if grid.best_version is None or grid.best_strength is None:
        return None
    ref = version_ref(grid.best_version)
    return BestCell(ref=ref, strength=grid.best_strength, reason=grid.reason)


def pick_of(grid: Grid) -> PickItem | None:
    """The choice of a grid with all that was weighed; none before that.

    Of a person's choice, what was rejected before is still told.
    """
    if grid.pick is None:
        return None
    said: dict[str, Any] = grid.pick
    best = best_of(grid)
    low, high = said.get("low"), said.get("high")
    rejected = said.get("rejected") or said.get("before", {}).get("rejected", [])
    return PickItem(
        by=said["by"],
        ref=best.ref if best else None,
        strength=best.strength if best else None,
        settings=said.get("settings", ""),
        reason=grid.reason,
        place=(said["x"], said["y"], said["z"]) if "x" in said else None,
        score=said.get("score"),
        interval=None if low is None or high is None else (low, high),
        standard_error=said.get("standard_error"),
        draws=said.get("draws"),
        base_score=said.get("base_score"),
        rejected=[RejectedPlace(**one) for one in rejected],
    )
