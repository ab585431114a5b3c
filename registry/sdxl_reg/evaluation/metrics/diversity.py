"""Diversity: whether several seeds of one prompt give several pictures."""

from collections.abc import Iterator

import numpy as np

from sdxl_reg.evaluation.metrics.interface import Picture, Rows, Scene, Score, unit
from sdxl_reg.evaluation.references import digest_of
from sdxl_reg.vocabulary import Better, Need


class Diversity:
    """Mean distance between the pictures of one prompt and place that differ by seed alone."""

    name = "diversity"
    summary = "Mean distance between the pictures that differ by their seed alone."
    better = Better.HIGHER
    needs = frozenset({Need.SEEDS, Need.IMAGE_NETWORK})
    low, high = 0.0, 2.0

    def scores(self, scene: Scene) -> Iterator[Score]:
        """The same number for every picture of a prompt and place; see `Metric.scores`."""
        for pictures in by_prompt_and_place(scene).values():
            if len(pictures) < 2:
                continue
            value = spread(scene.image_features([picture.path for picture in pictures]))
            seeds = digest_of(str(picture.seed) for picture in pictures)
            scorer = f"{scene.image_network}:seeds:{seeds}"
            yield from (Score(key=cell.key, scorer=scorer, value=value) for cell in pictures)


def spread(rows: Rows) -> float:
    """Mean of 1 − cosine over all pairs.

    With unit vectors uᵢ, the sum of cosines over ordered pairs is ‖Σ uᵢ‖² − N.

    Args:
        rows: Features; (N, D), N ≥ 2.

    Returns:
        In [0, 2]: 0 when all are equal, about 1 when they have nothing in common.

    Accuracy: 1e-6 of the mean over all pairs (`tests/.../metrics/test_diversity.py`).
    """
    directions = unit(rows).astype(np.float64)
    count = len(directions)
    cosines = (float((directions.sum(axis=0) ** 2).sum()) - count) / (count * (count - 1))
    return min(max(1 - cosines, 0.0), 2.0)


def by_prompt_and_place(scene: Scene) -> dict[tuple[object, ...], list[Picture]]:
    """The pictures that differ by their seed alone, together."""
    groups: dict[tuple[object, ...], list[Picture]] = {}
    for picture in scene.pictures:
        groups.setdefault((picture.prompt, picture.place), []).append(picture)
    return groups


diversity = Diversity()
