"""How far the mean of scores can be trusted: its standard error and its interval. No torch here.

Draws of one prompt are alike, so what counts as an independent piece is the prompt wherever there
are at least `FEWEST` of them (a cluster bootstrap). With fewer prompts nobody can say how prompts
differ; then each draw is a piece, and what comes out holds for these prompts with other seeds.
Fewer than `FEWEST` draws tell nothing at all.

Source: Efron and Tibshirani 1993, An Introduction to the Bootstrap, chapters 6 and 13; Field and
Welsh 2007, Bootstrapping clustered data, J. R. Stat. Soc. B 69(3) 369-390; Hesterberg 2015, What
teachers should know about the bootstrap, Am. Stat. 69(4) 371-386, for what few pieces take off.
"""

import hashlib
import json
from collections.abc import Sequence
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from sdxl_reg.evaluation.places import Draw

FEWEST = 4
"""Fewer pieces than this do not tell how far their mean can be trusted."""

CONFIDENCE = 0.9
RESAMPLES = 4000

_NORMAL_QUANTILE = 1.6448536269514722  # of the probability (1 + CONFIDENCE) / 2

Floats = NDArray[np.float64]


def standard_errors(values: Floats, draws: Sequence[Draw]) -> Floats | None:
    """Standard errors of means over the same draws: what a bootstrap without end would find.

    Args:
        values: `[n, draws]`; a number for each draw, n times.
        draws: Which draws they are.

    Returns:
        `[n]`, at least 0; None when there are fewer than `FEWEST` draws.

    Accuracy:
        Draws as pieces: stdev / sqrt(n). Prompts as pieces: that of the ratio of sums, to first
        order; a simulated bootstrap agrees within 5 % (tests/registry/evaluation/test_bootstrap).
    """
    if len(draws) < FEWEST:
        return None
    sums, sizes = _pieces(values, draws)
    pieces = len(sizes)
    residuals = sums - values.mean(axis=1, keepdims=True) * sizes
    spread = np.sqrt((residuals**2).sum(axis=1) * pieces / (pieces - 1))
    return np.asarray(spread / sizes.sum(), dtype=np.float64)


def interval(values: Floats, draws: Sequence[Draw]) -> tuple[float, float] | None:
    """Where the mean may lie with a confidence of `CONFIDENCE`.

    Percentiles of the means of resamples, their distances from the mean widened by what so few
    pieces take off: a spread that is too small by sqrt((n - 1) / n), and the t distribution's
    tails. The same draws are always resampled alike, whatever their values.

    Args:
        values: `[draws]`; a number for each draw.
        draws: Which draws they are.

    Returns:
        Low and high with the mean between them; None when there are fewer than `FEWEST` draws.

    Accuracy:
        For normal values it contains the true mean in 85 to 95 % of 400 simulated grids of 4 to 24
        draws (tests/registry/evaluation/test_bootstrap).
    """
    if len(draws) < FEWEST:
        return None
    sums, sizes = _pieces(values[np.newaxis], draws)
    pieces = len(sizes)
    counts = _generator(draws).multinomial(pieces, np.full(pieces, 1 / pieces), size=RESAMPLES)
    deviations = (counts @ sums[0]) / (counts @ sizes) - values.mean()
    low, high = np.quantile(deviations, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    wider = sqrt(pieces / (pieces - 1)) * _t_quantile(pieces - 1) / _NORMAL_QUANTILE
    mean = float(values.mean())
    return mean + wider * min(float(low), 0.0), mean + wider * max(float(high), 0.0)


def _pieces(values: Floats, draws: Sequence[Draw]) -> tuple[Floats, Floats]:
    """Sums `[n, pieces]` over each piece, and how many draws `[pieces]` each has."""
    prompts = sorted({prompt for prompt, _ in draws})
    if len(prompts) < FEWEST:
        return values, np.ones(len(draws))
    member = np.array([[prompt == each for each in prompts] for prompt, _ in draws], np.float64)
    return values @ member, member.sum(axis=0)


def _generator(draws: Sequence[Draw]) -> np.random.Generator:
    digest = hashlib.sha256(json.dumps(list(draws)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


def _t_quantile(freedom: int) -> float:
    """Of Student's t where the normal's is `_NORMAL_QUANTILE`.

    Source: Abramowitz and Stegun 1964, 26.7.5; for three degrees of freedom 0.3 % too low.
    """
    z = _NORMAL_QUANTILE
    return (
        z
        + (z**3 + z) / (4 * freedom)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * freedom**3)
    )
