"""How near a picture comes to the pictures that its prompt asks for.

Two pictures are as alike as the directions of their features. With the network that is always
there (EfficientNet-Lite0, trained on ImageNet) this measures subject, colour, layout and coarse
surface, at 224 × 224 pixels. What it does not: whether a mark is spelt right or a defect is
physically plausible, anything smaller than a few of those pixels, and beauty. A memorised picture
scores highest of all, so `nearest` is kept beside `fidelity`.
"""

from collections.abc import Callable, Iterator

import numpy as np

from sdxl_reg.evaluation.metrics.interface import Rows, Scene, Score, unit
from sdxl_reg.evaluation.references import matching_references, scorer_name
from sdxl_reg.vocabulary import Better, Need

NEEDS = frozenset({Need.REFERENCES, Need.IMAGE_NETWORK})


class Fidelity:
    """Cosine with the mean direction of the pictures that the prompt asks for."""

    name = "fidelity"
    summary = "Likeness to the mean of the pictures that the prompt asks for."
    better = Better.HIGHER
    needs = NEEDS
    low, high = -1.0, 1.0

    def scores(self, scene: Scene) -> Iterator[Score]:
        """Numbers for every picture; see `Metric.scores`."""
        return _compared(scene, fidelity_of)


class Nearest:
    """Cosine with the one picture that is likest."""

    name = "nearest"
    summary = "Likeness to the likest single picture; near 1, it is a copy."
    better = Better.NEITHER
    needs = NEEDS
    low, high = -1.0, 1.0

    def scores(self, scene: Scene) -> Iterator[Score]:
        """Numbers for every picture; see `Metric.scores`."""
        return _compared(scene, nearest_of)


def fidelity_of(picture: Rows, references: Rows) -> float:
    """Cosine between a picture's features and the mean direction of the references'.

    Args:
        picture: (D,), unit length.
        references: (N, D), N ≥ 1, unit length.

    Returns:
        In [-1, 1], up to the rounding of float32.
    """
    return float(unit(references.mean(axis=0, keepdims=True))[0] @ picture)


def nearest_of(picture: Rows, references: Rows) -> float:
    """Largest cosine with any single reference; arguments and range as for `fidelity_of`."""
    return float(np.max(references @ picture))


def _compared(scene: Scene, number: Callable[[Rows, Rows], float]) -> Iterator[Score]:
    scorer = scorer_name(scene.references, network=scene.image_network)
    # The store names files by digest: equal pictures are looked at once.
    known = dict.fromkeys(image.path for image in scene.references)
    references = unit(scene.image_features(list(known)))
    row_of = {path: row for row, path in enumerate(known)}
    asked = {
        prompt: [row_of[image.path] for image in matching_references(prompt, scene.references)]
        for prompt in {picture.prompt for picture in scene.pictures}
    }
    rows = unit(scene.image_features([picture.path for picture in scene.pictures]))
    for picture, row in zip(scene.pictures, rows, strict=True):
        value = number(row, references[asked[picture.prompt]])
        yield Score(key=picture.key, scorer=scorer, value=min(max(value, -1.0), 1.0))


fidelity, nearest = Fidelity(), Nearest()
