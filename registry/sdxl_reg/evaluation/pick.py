"""Choosing a place of a grid by its scores, with the reason in words. No torch here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sdxl_reg.evaluation.comparison import Comparison
from sdxl_reg.evaluation.criteria import Criteria
from sdxl_reg.evaluation.pick_reason import no_pick_reason, pick_reason
from sdxl_reg.evaluation.places import Draw, Place, check_distinct, comparable_draws


@dataclass(frozen=True, kw_only=True)
class Pick:
    """The place that was chosen.

    Attributes:
        index: Into the places that were given; never one of strength 0: that would be the base.
        score: Mean of the weighted score over the draws that all compared places have.
        low: Lower end of the score's 90 % interval; None when there are too few draws to tell.
        high: Upper end.
        standard_error: Of the score; None when there are too few draws to tell.
        draws: How many draws the mean is over.
        base_score: What the base reaches, drawn with the same settings; None when it was not.
        reason: One to three sentences for people, without a full stop at the end.
    """

    index: int
    score: float
    low: float | None
    high: float | None
    standard_error: float | None
    draws: int
    base_score: float | None
    reason: str


@dataclass(frozen=True, kw_only=True)
class Rejection:
    """A place that was not compared.

    Attributes:
        index: Into the places that were given.
        why: A few words for people.
    """

    index: int
    why: str


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What choosing came to.

    Attributes:
        pick: None when no place is left to choose from.
        reason: The pick's, or why there is none.
        rejected: What was out before scores were compared, by version, then strength.
    """

    pick: Pick | None
    reason: str
    rejected: tuple[Rejection, ...]


def choose(places: Sequence[Place], criteria: Criteria | None = None) -> Choice:
    """The place with the highest mean score; between equals the weaker, then the earlier one.

    First the gates: each sees all draws of a place. Then all places are compared on the draws that
    all of them have, without those that have too few (`comparable_draws`). Two places are equal
    when their means differ by no more than one standard error of the difference, taken draw by
    draw: both are drawn from the same noise, so what a prompt or a seed does to all scores alike
    is no noise here. Where the draws are too few to tell their error (`bootstrap`), only equal
    scores are equal. The base is never chosen, only compared with.

    Args:
        places: Of one grid, in any order; the order changes nothing.
        criteria: What is better; by default the fidelity alone.

    Returns:
        The pick with its reason, and what was rejected.

    Raises:
        InvalidValue: Two places have the same version, strength and settings.

    Source: the one-standard-error rule of Breiman, Friedman, Olshen and Stone 1984,
        Classification and Regression Trees, section 3.4.3, with paired differences.
    """
    check_distinct(places)
    criteria = criteria or Criteria()
    scores = [criteria.scores_of(place) for place in places]
    versions = [number for number, place in enumerate(places) if not place.is_base]
    faults = _faults(places, scores, criteria)
    kept, draws, sparse = _comparable([n for n in versions if n not in faults], places, scores)
    rejected = _rejections(places, faults | sparse)
    causes = [f"{places[out.index].label}: {out.why}" for out in rejected]
    if not kept:
        return Choice(pick=None, reason=no_pick_reason(causes), rejected=rejected)
    comparison = Comparison(
        places=[places[number] for number in kept],
        draws=draws,
        scores=np.array([[scores[number][draw] for draw in draws] for number in kept]),
        bases=_bases(places, scores),
    )
    pick = _pick(comparison, kept, pick_reason(comparison, criteria.formula, causes))
    return Choice(pick=pick, reason=pick.reason, rejected=rejected)


def _faults(
    places: Sequence[Place], scores: Sequence[Mapping[Draw, float]], criteria: Criteria
) -> dict[int, str]:
    """Which places fail a gate or have no score at all, and why; the base is not asked."""
    unscored = f"no picture has a value of {' and '.join(sorted(criteria.weights))}"
    found = {
        number: criteria.fault(place) or ("" if scores[number] else unscored)
        for number, place in enumerate(places)
        if not place.is_base
    }
    return {number: why for number, why in found.items() if why}


def _comparable(
    numbers: Sequence[int], places: Sequence[Place], scores: Sequence[Mapping[Draw, float]]
) -> tuple[list[int], list[Draw], dict[int, str]]:
    """The places that are compared, over which draws, and why the others are not."""

    def emptiest_first(number: int) -> tuple[int, float, int, str, float]:
        place = places[number]
        strength, version = place.modesty
        return len(scores[number]), -strength, -version, place.settings, place.strength

    ordered = sorted(numbers, key=emptiest_first)
    left_out, draws = comparable_draws([frozenset(scores[number]) for number in ordered])
    full = max((len(scores[number]) for number in numbers), default=0)
    sparse = {
        number: f"too few of its draws have a score to compare it ({len(scores[number])} of {full})"
        for number in ordered[:left_out]
    }
    return ordered[left_out:], draws, sparse


def _rejections(places: Sequence[Place], whys: Mapping[int, str]) -> tuple[Rejection, ...]:
    ordered = sorted(whys, key=lambda number: places[number].key)
    return tuple(Rejection(index=number, why=whys[number]) for number in ordered)


def _bases(
    places: Sequence[Place], scores: Sequence[Mapping[Draw, float]]
) -> dict[str, Mapping[Draw, float]]:
    """Settings → draw → score of the base; every version draws the same there."""
    bases: dict[str, dict[Draw, float]] = {}
    for place, values in sorted(
        zip(places, scores, strict=True), key=lambda pair: pair[0].key, reverse=True
    ):
        if place.is_base:
            bases.setdefault(place.settings, {}).update(values)
    return dict(bases)


def _pick(comparison: Comparison, kept: Sequence[int], reason: str) -> Pick:
    low, high = comparison.bounds or (None, None)
    base = comparison.baseline
    return Pick(
        index=kept[comparison.chosen],
        score=float(comparison.means[comparison.chosen]),
        low=low,
        high=high,
        standard_error=comparison.error,
        draws=len(comparison.draws),
        base_score=None if base is None else base.score,
        reason=reason,
    )
