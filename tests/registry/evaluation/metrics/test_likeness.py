"""Fidelity and nearest: what they were before they were plugins."""

import pytest

from sdxl_reg.evaluation.metrics.likeness import fidelity, nearest
from sdxl_reg.evaluation.references import scorer_name
from tests.registry.evaluation.metrics.scenes import GivenScene, picture, reference


def scene() -> GivenScene:
    """A picture 60° from one reference and 90° from the other; the third is of another caption."""
    return GivenScene(
        pictures=[picture("p")],
        references=[reference("a"), reference("b"), reference("c", caption="a shoe")],
        features={"p": [2, 0, 0], "a": [1, 3**0.5, 0], "b": [0, 0, 5], "c": [7, 0, 0]},
    )


def test_fidelity_is_the_cosine_with_the_mean_direction_of_those_that_the_prompt_asks_for() -> None:
    (score,) = fidelity.scores(scene())
    # Directions (½, √3⁄2, 0) and (0, 0, 1) have the mean (¼, √3⁄4, ½) of length 1/√2.
    assert score.value == pytest.approx(2**0.5 / 4, abs=1e-6)


def test_nearest_is_the_largest_cosine_with_one_of_those() -> None:
    (score,) = nearest.scores(scene())
    assert score.value == pytest.approx(0.5, abs=1e-6)


def test_their_scorer_is_what_the_catalog_computes_before_the_run() -> None:
    given = scene()
    given.image_network = "efficientnet-lite0/1"
    assert {score.scorer for score in [*fidelity.scores(given), *nearest.scores(given)]} == {
        scorer_name(given.references)
    }


def test_a_copy_scores_no_more_than_1() -> None:
    given = GivenScene(
        pictures=[picture("p")],
        references=[reference("a")],
        features={"p": [0.1, 0.7, 0.3], "a": [0.1, 0.7, 0.3]},
    )
    for metric in (fidelity, nearest):
        (score,) = metric.scores(given)
        assert 1 - 1e-6 < score.value <= 1
