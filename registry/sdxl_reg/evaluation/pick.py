"""Choosing a version and a strength by their scores, with the reason in words. No torch here."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev

Place = tuple[int, float]
"""Index of a version, and a strength."""

Draw = tuple[str, int]
"""A prompt and a seed: what is drawn at every place from the same noise."""

BASE_STRENGTH = 0.0

FEWEST_DRAWS = 4
"""Fewer prompts and seeds than this do not tell how far their mean can be trusted."""


@dataclass(frozen=True, kw_only=True)
class Pick:
    """The place that was chosen.

    Attributes:
        version: Index into the grid's versions.
        strength: Never 0: that would be the base.
        score: Mean over all prompts and seeds.
        reason: One or two sentences for people.
    """

    version: int
    strength: float
    score: float
    reason: str


def choose(
    scores: Mapping[Place, Mapping[Draw, float]], names: Mapping[int, str], *, metric: str
) -> Pick | None:
    """The place with the highest mean score; between equals the weaker, then the earlier one.

    Two places are equal when their means differ by no more than one standard error of the
    difference, taken draw by draw: both are drawn from the same noise, so what a prompt or a seed
    does to all scores alike is no noise here. Fewer than `FEWEST_DRAWS` do not tell their error,
    and only equal scores are equal.

    Args:
        scores: Place → draw → score; every place has the same draws. Strength 0 is the base.
        names: Index of a version → how to call it.
        metric: What the scores are, for the reason.

    Returns:
        The pick, or None when nothing but the base was drawn.
    """
    places = {place: draws for place, draws in scores.items() if place[1] != BASE_STRENGTH}
    if not places:
        return None
    means = {place: fmean(draws.values()) for place, draws in places.items()}
    top = max(means, key=lambda place: (means[place], *_modesty(place)))
    equals = [place for place in places if _is_equal(places[top], places[place])]
    chosen = max(equals, key=_modesty)
    return Pick(
        version=chosen[0],
        strength=chosen[1],
        score=means[chosen],
        reason=_reason(chosen, top, means, scores, names=names, metric=metric),
    )


def standard_error(differences: list[float]) -> float:
    """Of the mean of some numbers; 0 when there are fewer than `FEWEST_DRAWS`."""
    if len(differences) < FEWEST_DRAWS:
        return 0.0
    return stdev(differences) / sqrt(len(differences))


def _is_equal(top: Mapping[Draw, float], other: Mapping[Draw, float]) -> bool:
    differences = [top[draw] - other[draw] for draw in top]
    return fmean(differences) <= standard_error(differences) + 1e-12


def _modesty(place: Place) -> tuple[float, int]:
    """Larger for a weaker strength, then for an earlier version."""
    return -abs(place[1]), -place[0]


def _reason(
    chosen: Place,
    top: Place,
    means: Mapping[Place, float],
    scores: Mapping[Place, Mapping[Draw, float]],
    *,
    names: Mapping[int, str],
    metric: str,
) -> str:
    draws = len(scores[chosen])
    pictures = f"{draws} pictures" if draws > 1 else "one picture"
    if chosen == top:
        said = f"highest mean {metric}, {means[chosen]:.3f} over {pictures}"
    else:
        said = (
            f"mean {metric} {means[chosen]:.3f} over {pictures}: within the noise of the highest "
            f"({means[top]:.3f}, {_called(top, names)}) at a lower strength or an earlier version"
        )
    base = next((draws for place, draws in scores.items() if place[1] == BASE_STRENGTH), None)
    if base is None:
        return said
    without = fmean(base.values())
    if means[chosen] > without:
        return f"{said}; the base alone reaches {without:.3f}"
    return f"{said}. But the base alone reaches {without:.3f}: no version comes nearer to the set"


def _called(place: Place, names: Mapping[int, str]) -> str:
    return f"{names[place[0]]} at {place[1]:g}"
