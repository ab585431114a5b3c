"""Why a place of a grid was picked, or none, in words for people."""

from collections.abc import Sequence

from sdxl_reg.evaluation.comparison import Baseline, Comparison

EXAMPLES = 2
"""So many places are named when all of them are out."""


def pick_reason(comparison: Comparison, formula: str, rejected: Sequence[str]) -> str:
    """The chosen place's mean and interval, what the base reaches, and who was out.

    Args:
        comparison: With its chosen place.
        formula: What the scores are, such as `fidelity`.
        rejected: What was out before, each with its place and the cause.

    Returns:
        One to three sentences, without a full stop at the end.
    """
    said = _merit(comparison, formula)
    if comparison.baseline is not None:
        said += _beside_base(comparison.baseline)
    if not rejected:
        return said
    others = "" if len(rejected) == 1 else f" and {_counted(len(rejected) - 1, 'other place')}"
    return f"{said}. Out beforehand: {rejected[0]}{others}"


def no_pick_reason(rejected: Sequence[str]) -> str:
    """Why nothing was picked.

    Args:
        rejected: Every place that could have been, each with the cause; none when there is only
            the base.

    Returns:
        One sentence, without a full stop at the end.
    """
    if not rejected:
        return "there is nothing to pick from: no version was drawn at a strength other than 0"
    more = len(rejected) - EXAMPLES
    others = f"; and {_counted(more, 'other place')}" if more > 0 else ""
    return f"every place is out: {'; '.join(rejected[:EXAMPLES])}{others}"


def _merit(comparison: Comparison, formula: str) -> str:
    chosen, top, means = comparison.chosen, comparison.top, comparison.means
    value = f"{means[chosen]:.3f}"
    if comparison.bounds is not None:
        value += " (90 % interval {:.3f} to {:.3f})".format(*comparison.bounds)
    pictures = _counted(len(comparison.draws), "picture")
    if chosen == top:
        return f"highest mean {formula}, {value} over {pictures}"
    return (
        f"mean {formula} {value} over {pictures}: within the noise of the highest "
        f"({means[top]:.3f}, {comparison.places[top].label}) "
        "at a lower strength or an earlier version"
    )


def _beside_base(base: Baseline) -> str:
    if base.is_unbeaten:
        return f". But the base alone reaches {base.score:.3f}: no version beats it"
    if base.is_noise:
        return f"; the base alone reaches {base.score:.3f}, which is within the noise of this"
    less_or_more = "" if base.lead > 0 else "more, "
    return f"; the base alone reaches {less_or_more}{base.score:.3f}"


def _counted(count: int, noun: str) -> str:
    return f"one {noun}" if count == 1 else f"{count} {noun}s"
