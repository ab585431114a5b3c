"""KID: whether the pictures of a place are spread as the pictures of the set are.

Source: Bińkowski, Sutherland, Arbel and Gretton 2018, "Demystifying MMD GANs", arXiv:1801.01401,
section 4; the estimator is equation 3 of Gretton et al. 2012, JMLR 13. Theirs looks through
Inception; ours through the image network that is named in the scorer, so that its numbers compare
with each other and not with published ones.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sdxl_reg.errors import UsageError
from sdxl_reg.evaluation.metrics.interface import Picture, Rows, Scene, Score
from sdxl_reg.evaluation.references import digest_of, matching_references, scorer_name
from sdxl_reg.jobs.spec import ImageSpec
from sdxl_reg.vocabulary import Better, Need

FEWEST = 2
"""Pictures on either side: without a second one there are no pairs."""
_BLOCK = 1024  # rows multiplied at once: memory does not grow with the square of their number


class Kid:
    """Kernel inception distance of all pictures of a place to those that its prompts ask for."""

    name = "kid"
    summary = "Distance between the pictures of a place and those of the set, as two crowds."
    better = Better.LOWER
    needs = frozenset({Need.REFERENCES, Need.IMAGE_NETWORK})
    low, high = None, None

    def scores(self, scene: Scene) -> Iterator[Score]:
        """The same number for every picture of a place.

        Args:
            scene: See `Metric.scores`.

        Raises:
            UsageError: No place has two pictures with two references.
        """
        found = False
        for pictures in _places(scene).values():
            references = _asked_for(pictures, scene)
            if min(len(pictures), len(references)) < FEWEST:
                continue
            found = True
            one = scene.image_features([picture.path for picture in pictures])
            other = scene.image_features([image.path for image in references])
            value = kid(one, other)
            draws = digest_of(f"{picture.prompt} {picture.seed}" for picture in pictures)
            scorer = f"{scorer_name(references, network=scene.image_network)}:{draws}"
            yield from (Score(key=cell.key, scorer=scorer, value=value) for cell in pictures)
        if not found:
            raise UsageError(
                "every place has one picture or one reference only",
                remedy="Draw with several seeds or prompts",
            )


def kid(one: Rows, other: Rows) -> float:
    """Unbiased estimate of the squared maximum mean discrepancy of two samples.

    With the kernel k(x, y) = (x·y / D + 1)³.

    Args:
        one: Features; (M, D), M ≥ 2, as a network gives them.
        other: (N, D), N ≥ 2.

    Returns:
        0 on average when both are drawn from one distribution, and then negative as often as not.

    Accuracy: 1e-10 of a sum over all pairs in float64 (`tests/.../metrics/test_kid.py`).
    """
    x, y = one.astype(np.float64), other.astype(np.float64)
    return _mean_of_pairs(x) + _mean_of_pairs(y) - 2 * _kernel_sum(x, y) / (len(x) * len(y))


def _mean_of_pairs(x: NDArray[np.float64]) -> float:
    """Mean kernel of all pairs of different rows."""
    with_themselves = float((((x * x).sum(axis=1) / x.shape[1] + 1) ** 3).sum())
    return (_kernel_sum(x, x) - with_themselves) / (len(x) * (len(x) - 1))


def _kernel_sum(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    blocks = (x[start : start + _BLOCK] for start in range(0, len(x), _BLOCK))
    return sum(float(((block @ y.T / x.shape[1] + 1) ** 3).sum()) for block in blocks)


def _places(scene: Scene) -> dict[tuple[object, ...], list[Picture]]:
    places: dict[tuple[object, ...], list[Picture]] = {}
    for picture in scene.pictures:
        places.setdefault(picture.place, []).append(picture)
    return places


def _asked_for(pictures: list[Picture], scene: Scene) -> list[ImageSpec]:
    """The references of all their prompts, each once, in the set's order."""
    prompts = {picture.prompt for picture in pictures}
    wanted = {
        image.path for prompt in prompts for image in matching_references(prompt, scene.references)
    }
    by_path = {image.path: image for image in scene.references if image.path in wanted}
    return list(by_path.values())


kid_metric = Kid()
