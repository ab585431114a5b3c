"""Blind votes between two pictures of one draw, and the ranking they come to. No torch here.

A voter sees the same prompt and seed of two candidates, left and right, and does not know which is
which. The candidates are mostly places of a grid; here they are only names.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from sdxl_reg.errors import InvalidValue
from sdxl_reg.evaluation.bradley_terry import Floats, Strengths, fit
from sdxl_reg.evaluation.places import Draw
from sdxl_reg.vocabulary import Outcome

NORMAL_QUANTILE = 1.6448536269514722
"""Of 95 %: between minus and plus this many standard errors lie 90 %."""

_NAMED = 3  # of those that are as good as the first


@dataclass(frozen=True, kw_only=True)
class Vote:
    """One answer.

    Attributes:
        left: The candidate whose picture was on the left.
        right: The other one.
        draw: What both pictures show.
        outcome: Which is better.

    Raises:
        InvalidValue: Both are the same candidate.
    """

    left: str
    right: str
    draw: Draw
    outcome: Outcome

    def __post_init__(self) -> None:
        if self.left == self.right:
            raise InvalidValue(
                "a vote between a candidate and itself", self.left, remedy="Name two candidates"
            )


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """What the votes say of one candidate.

    Attributes:
        candidate: Its name.
        strength: In logits; 0 is the middle of all candidates, and of one without votes. One that
            is stronger by 1 is preferred in 73 of 100 votes.
        low: Lower end of the strength's 90 % interval.
        high: Upper end.
        wins: Votes for it.
        losses: Votes for another.
        ties: Votes for neither.
        is_first: Whether the votes do not tell it from the strongest, which is first itself.
    """

    candidate: str
    strength: float
    low: float
    high: float
    wins: int
    losses: int
    ties: int
    is_first: bool


def rank(candidates: Sequence[str], votes: Iterable[Vote]) -> list[Ranking]:
    """The candidates, strongest first; between equals in the order of their names.

    Intervals come from the Fisher information with the prior. Those of two candidates may overlap
    although the votes tell them apart: `is_first` looks at the difference itself.

    Args:
        candidates: Distinct names. Votes on others count too: they link candidates.
        votes: In any order; left and right do not matter.

    Returns:
        One entry a candidate.

    Source: see `bradley_terry`.
    """
    votes = list(votes)
    names = everyone(candidates, votes)
    found = fit(win_matrix(names, votes))
    wins, losses, ties = _counts(votes)
    first = _first(names, found, set(candidates))
    rankings = [
        Ranking(
            candidate=name,
            strength=theta,
            low=theta - NORMAL_QUANTILE * error,
            high=theta + NORMAL_QUANTILE * error,
            wins=wins[name],
            losses=losses[name],
            ties=ties[name],
            is_first=name in first,
        )
        for name, theta, error in zip(
            names, found.theta.tolist(), np.sqrt(np.diag(found.covariance)).tolist(), strict=True
        )
        if name in set(candidates)
    ]
    return sorted(rankings, key=lambda one: (-round(one.strength, 9), one.candidate))


def statement(rankings: Sequence[Ranking]) -> str:
    """Who is first, or that the votes do not tell; for people.

    Args:
        rankings: As `rank` gives them.

    Returns:
        One sentence, without a full stop at the end.
    """
    votes = sum(one.wins + one.losses + one.ties for one in rankings)
    if votes == 0:
        return "nobody has voted yet"
    best, *others = (one.candidate for one in rankings if one.is_first)
    if not others:
        return f"{best} is preferred to every other candidate"
    if len(others) + 1 == len(rankings):
        return "the votes do not tell the candidates apart yet"
    named = ", ".join(others[:_NAMED])
    more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
    return f"{best} is ahead, but the votes do not tell it from {named}{more} yet"


def everyone(candidates: Iterable[str], votes: Iterable[Vote]) -> list[str]:
    """The names of all candidates and of all that were ever voted on, sorted."""
    voted = {name for vote in votes for name in (vote.left, vote.right)}
    return sorted(voted | set(candidates))


def win_matrix(names: Sequence[str], votes: Iterable[Vote]) -> Floats:
    """How often each was preferred to each; a tie is half a win each way.

    Args:
        names: Distinct; every vote is between two of them.
        votes: In any order.

    Returns:
        `[n, n]`: row preferred to column.
    """
    number = {name: index for index, name in enumerate(names)}
    wins = np.zeros((len(names), len(names)))
    share = {Outcome.LEFT: 1.0, Outcome.TIE: 0.5, Outcome.RIGHT: 0.0}
    for vote in votes:
        left, right = number[vote.left], number[vote.right]
        wins[left, right] += share[vote.outcome]
        wins[right, left] += 1 - share[vote.outcome]
    return wins


def _counts(votes: Iterable[Vote]) -> tuple[Counter[str], Counter[str], Counter[str]]:
    wins, losses, ties = Counter[str](), Counter[str](), Counter[str]()
    for vote in votes:
        if vote.outcome == Outcome.TIE:
            ties.update([vote.left, vote.right])
        else:
            is_left = vote.outcome == Outcome.LEFT
            wins[vote.left if is_left else vote.right] += 1
            losses[vote.right if is_left else vote.left] += 1
    return wins, losses, ties


def _first(names: Sequence[str], found: Strengths, candidates: set[str]) -> set[str]:
    """The strongest candidate, and those whose distance to it is within its 90 % interval."""
    asked = [number for number, name in enumerate(names) if name in candidates]
    if not asked:
        return set()
    best = max(asked, key=lambda number: round(float(found.theta[number]), 9))
    variance = found.difference_variance()[best]
    return {
        names[number]
        for number in asked
        if found.theta[best] - found.theta[number] <= NORMAL_QUANTILE * sqrt(variance[number])
    }
