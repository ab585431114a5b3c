"""Diversity over seeds."""

from itertools import combinations

import numpy as np
import pytest

from sdxl_reg.evaluation.metrics.diversity import diversity, spread
from tests.registry.evaluation.metrics.scenes import GivenScene, picture


def test_it_is_the_mean_distance_of_all_pairs() -> None:
    rows = np.random.default_rng(1).normal(size=(6, 9)).astype(np.float32)
    directions = rows.astype(np.float64) / np.linalg.norm(rows.astype(np.float64), axis=1)[:, None]
    pairs = [1 - float(one @ other) for one, other in combinations(directions, 2)]
    assert spread(rows) == pytest.approx(np.mean(pairs), abs=1e-6)


@pytest.mark.parametrize(
    ("rows", "value"),
    [([[1, 0], [3, 0]], 0), ([[1, 0], [0, 1]], 1), ([[1, 0], [-1, 0]], 2)],
)
def test_it_goes_from_equal_over_unrelated_to_opposite(
    rows: list[list[float]], value: float
) -> None:
    assert spread(np.array(rows, dtype=np.float32)) == pytest.approx(value, abs=1e-6)


def test_pictures_of_one_prompt_and_place_share_a_number_and_a_lone_one_has_none() -> None:
    given = GivenScene(
        pictures=[
            picture("a", seed=1),
            picture("b", seed=2),
            picture("c", seed=1, prompt="a shoe"),
            picture("d", seed=1, place=(0, 0.5)),
            picture("e", seed=2, place=(0, 0.5)),
        ],
        features={"a": [1, 0], "b": [0, 1], "c": [1, 1], "d": [1, 0], "e": [1, 0]},
    )
    scores = {score.key: score.value for score in diversity.scores(given)}
    assert scores == {"a": 1.0, "b": 1.0, "d": 0.0, "e": 0.0}


def test_other_seeds_are_another_scorer() -> None:
    features = {"a": [1.0, 0.0], "b": [0.0, 1.0]}
    scorers = set()
    for second in (2, 3):
        pictures = [picture("a", seed=1), picture("b", seed=second)]
        scorers |= {
            s.scorer for s in diversity.scores(GivenScene(pictures=pictures, features=features))
        }
    assert len(scorers) == 2
