"""F1 of classes, and how far a difference of F1 can be trusted. No torch here.

Source: the bootstrap over two crossed factors (here test pictures and splits) is the pigeonhole
bootstrap of Owen 2007, "The pigeonhole bootstrap", Annals of Applied Statistics 1(2); both regimes
are drawn with the same weights, so that what is hard for both cancels out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DRAWS = 2000
CONFIDENCE = 0.95

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What a classifier said of the test pictures of one split.

    Attributes:
        truth: Classes from 0; (N,).
        predicted: Likewise.
        units: Number of what is drawn as one: the group of pictures alike; (N,).
    """

    truth: NDArray[np.int64]
    predicted: NDArray[np.int64]
    units: NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A difference of F1 with its interval.

    Attributes:
        mean: In [-1, 1].
        low: Lower end of the interval of `CONFIDENCE`.
        high: Upper end.
    """

    mean: float
    low: float
    high: float


def f1_scores(trials: Sequence[Trial], classes: int) -> Floats:
    """F1 of each class, the mean over splits; (classes,).

    Args:
        trials: One a split, not empty.
        classes: How many.

    Returns:
        In [0, 1]. A class that is neither there nor predicted in a split does not count there.
    """
    units = _unit_count(trials)
    found = _mean_f1(trials, np.ones((1, units)), np.ones((1, len(trials))), classes)
    return np.asarray(found[0], dtype=np.float64)


def differences(
    regime: Sequence[Trial], base: Sequence[Trial], classes: int, *, seed: int = 0
) -> tuple[Difference, list[Difference]]:
    """How much better one regime is than another, on the mean of all classes and on each.

    Args:
        regime: One trial a split.
        base: Of the same splits, in the same order, of the same pictures.
        classes: How many.
        seed: Of the bootstrap.

    Returns:
        Of the mean F1, and of each class's; regime less base, with percentile intervals.
    """
    generator = np.random.default_rng(seed)
    units, splits = _unit_count(regime), len(regime)
    of_units = generator.multinomial(units, np.full(units, 1 / units), size=DRAWS).astype(float)
    of_splits = generator.multinomial(splits, np.full(splits, 1 / splits), size=DRAWS).astype(float)
    drawn = _mean_f1(regime, of_units, of_splits, classes) - _mean_f1(
        base, of_units, of_splits, classes
    )
    point = f1_scores(regime, classes) - f1_scores(base, classes)
    each = [_difference(point[c], drawn[:, c]) for c in range(classes)]
    return _difference(point.mean(), _mean_over_classes(drawn)), each


def _mean_f1(trials: Sequence[Trial], of_units: Floats, of_splits: Floats, classes: int) -> Floats:
    """Weighted mean over splits of each class's F1; (draws, classes)."""
    total = np.zeros((len(of_units), classes))
    weight = np.zeros_like(total)
    for number, trial in enumerate(trials):
        hits, others = _counts(trial, of_units.shape[1], classes)
        twice, wrong = 2 * (of_units @ hits), of_units @ others
        is_there = twice + wrong > 0
        f1 = np.divide(twice, twice + wrong, out=np.zeros_like(twice), where=is_there)
        share = of_splits[:, number : number + 1] * is_there
        total += share * f1
        weight += share
    missing = np.full_like(total, np.nan)
    return np.divide(total, weight, out=missing, where=weight > 0)


def _counts(trial: Trial, units: int, classes: int) -> tuple[Floats, Floats]:
    """For each unit and class: true positives, and false positives plus false negatives."""
    hits, others = np.zeros((units, classes)), np.zeros((units, classes))
    right = trial.truth == trial.predicted
    np.add.at(hits, (trial.units[right], trial.truth[right]), 1)
    np.add.at(others, (trial.units[~right], trial.truth[~right]), 1)
    np.add.at(others, (trial.units[~right], trial.predicted[~right]), 1)
    return hits, others


def _mean_over_classes(drawn: Floats) -> Floats:
    there = np.isfinite(drawn)
    sums = np.where(there, drawn, 0).sum(axis=1)
    counts = there.sum(axis=1)
    return np.asarray(sums[counts > 0] / counts[counts > 0], dtype=np.float64)


def _difference(mean: float, drawn: Floats) -> Difference:
    tail = 100 * (1 - CONFIDENCE) / 2
    finite = drawn[np.isfinite(drawn)]
    low, high = np.percentile(finite, [tail, 100 - tail])
    return Difference(mean=float(mean), low=float(low), high=float(high))


def _unit_count(trials: Sequence[Trial]) -> int:
    return 1 + max(int(trial.units.max()) for trial in trials)
