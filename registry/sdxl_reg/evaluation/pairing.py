"""Which two pictures to show a voter next: those whose comparison tells most. No torch here."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from random import Random
from typing import TypeVar

import numpy as np

from sdxl_reg.evaluation.bradley_terry import Floats, fit, preference
from sdxl_reg.evaluation.places import Draw
from sdxl_reg.evaluation.votes import Vote, everyone, win_matrix

_Two = tuple[str, str]
_Thing = TypeVar("_Thing")


@dataclass(frozen=True, kw_only=True)
class Pair:
    """What a voter is shown.

    Attributes:
        left: A candidate.
        right: Another one.
        draw: The prompt and seed of both pictures.
    """

    left: str
    right: str
    draw: Draw


def next_pair(
    candidates: Mapping[str, Collection[Draw]], votes: Iterable[Vote], rng: Random
) -> Pair | None:
    """Two candidates and a draw that both have, left and right by chance.

    As long as some candidates are not linked by votes at all, a pair that links two groups is
    shown, of those with the fewest votes. Then the pair whose answer is expected to tell most:
    log(1 + p (1 - p) v), with p the probability that one is preferred and v the variance of the
    difference of their strengths. It is large where few votes were given and the two are close.
    Pairs that have a draw which was not voted on come before those that have none. Of the draws,
    one that these two showed the fewest times, then that anyone did.

    Args:
        candidates: Name → the draws that it has a picture of.
        votes: All so far.
        rng: Decides between equals, and the sides.

    Returns:
        The pair; None when no two candidates have a draw in common.

    Source: Glickman and Jensen 2005, Adaptive paired comparison design, J. Stat. Plan. Inference
        127(1-2) 279-293; the gain is that of a D-optimal design.
    """
    votes = list(votes)
    shared = _shared(candidates)
    if not shared:
        return None
    shown = Counter((_names(vote), vote.draw) for vote in votes)
    fresh = [
        two for two, draws in shared.items() if any((two, draw) not in shown for draw in draws)
    ]
    two = _linking(shared, votes, rng) or _telling(fresh or list(shared), votes, rng)
    overall = Counter(draw for _, draw in shown.elements())
    draw = _least(shared[two], lambda draw: (shown[two, draw], overall[draw]), rng)
    left, right = rng.sample(two, 2)
    return Pair(left=left, right=right, draw=draw)


def _shared(candidates: Mapping[str, Collection[Draw]]) -> dict[_Two, list[Draw]]:
    draws = {name: set(of) for name, of in candidates.items()}
    both = {(a, b): sorted(draws[a] & draws[b]) for a, b in combinations(sorted(draws), 2)}
    return {two: common for two, common in both.items() if common}


def _linking(shared: Collection[_Two], votes: Sequence[Vote], rng: Random) -> _Two | None:
    """A pair of two groups that no vote links, of those with the fewest votes."""
    group = _groups(votes)
    bridges = [two for two in shared if group.get(two[0], two[0]) != group.get(two[1], two[1])]
    if not bridges:
        return None
    given = Counter(name for vote in votes for name in (vote.left, vote.right))
    return _least(bridges, lambda two: given[two[0]] + given[two[1]], rng)


def _telling(pairs: Sequence[_Two], votes: Sequence[Vote], rng: Random) -> _Two:
    """The pair with the largest expected gain."""
    names = everyone((name for two in pairs for name in two), votes)
    number = {name: index for index, name in enumerate(names)}
    gain = expected_gain(win_matrix(names, votes))
    return _least(pairs, lambda two: -round(float(gain[number[two[0]], number[two[1]]]), 9), rng)


def expected_gain(wins: Floats) -> Floats:
    """How much one more vote between two is expected to tell, in nats.

    Args:
        wins: `[n, n]`, as `bradley_terry.fit` takes them.

    Returns:
        `[n, n]`, symmetric, 0 on the diagonal.
    """
    found = fit(wins)
    chance = preference(found.theta)
    return np.asarray(np.log1p(chance * (1 - chance) * found.difference_variance()), np.float64)


def _groups(votes: Iterable[Vote]) -> dict[str, str]:
    """Candidate → one of its group: all that votes link, directly or through others."""
    group: dict[str, str] = {}
    for vote in votes:
        one, other = (
            group.setdefault(vote.left, vote.left),
            group.setdefault(vote.right, vote.right),
        )
        if one != other:
            group.update({name: one for name, of in group.items() if of == other})
    return group


def _names(vote: Vote) -> _Two:
    one, other = sorted((vote.left, vote.right))
    return one, other


def _least(
    things: Sequence[_Thing], cost: Callable[[_Thing], tuple[int, int] | float], rng: Random
) -> _Thing:
    costs = [cost(thing) for thing in things]
    least = min(costs)
    return rng.choice([thing for thing, of in zip(things, costs, strict=True) if of == least])
