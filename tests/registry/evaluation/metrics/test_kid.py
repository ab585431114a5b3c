"""KID against its definition, and what an unbiased estimate has to do."""

from itertools import product

import numpy as np
import pytest

from sdxl_reg.errors import UsageError
from sdxl_reg.evaluation.metrics.interface import Rows
from sdxl_reg.evaluation.metrics.kid import kid, kid_metric
from tests.registry.evaluation.metrics.scenes import GivenScene, picture, reference


def sample(seed: int, count: int, *, shift: float = 0.0) -> Rows:
    return (np.random.default_rng(seed).normal(size=(count, 16)) + shift).astype(np.float32)


def kernel(one: Rows, other: Rows) -> float:
    products = zip(one.tolist(), other.tolist(), strict=True)
    return float((sum(a * b for a, b in products) / len(one) + 1) ** 3)


def test_it_is_the_sum_of_its_definition() -> None:
    x, y = sample(1, 7), sample(2, 5, shift=0.5)
    within_x = sum(kernel(x[i], x[j]) for i, j in product(range(7), repeat=2) if i != j) / 42
    within_y = sum(kernel(y[i], y[j]) for i, j in product(range(5), repeat=2) if i != j) / 20
    between = sum(kernel(x[i], y[j]) for i, j in product(range(7), range(5))) / 35
    assert kid(x, y) == pytest.approx(within_x + within_y - 2 * between, abs=1e-10)


def test_two_samples_of_one_distribution_have_0_on_average_whatever_their_size() -> None:
    for size in (3, 12):
        values = [kid(sample(2 * n, size), sample(2 * n + 1, size)) for n in range(400)]
        error = np.std(values) / len(values) ** 0.5
        assert abs(np.mean(values)) < 3 * error  # a biased estimate is out by 20 of them at size 3
        assert min(values) < 0 < max(values)


def test_it_grows_with_the_distance_of_the_distributions_and_has_no_order() -> None:
    x = sample(1, 60)
    near, far = (kid(x, sample(2, 60, shift=shift)) for shift in (0.3, 0.9))
    assert 0.05 < near < far
    assert kid(x, sample(2, 60, shift=0.3)) == pytest.approx(kid(sample(2, 60, shift=0.3), x))


def test_blocks_do_not_change_the_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = sample(1, 9), sample(2, 11)
    whole = kid(x, y)
    monkeypatch.setattr("sdxl_reg.evaluation.metrics.kid._BLOCK", 4)
    assert kid(x, y) == pytest.approx(whole, abs=1e-12)


def scene(*, pictures_at_second_place: int = 2) -> GivenScene:
    rows = sample(3, 8)
    names = ["a", "b", "c", "d", "r", "s", "t", "u"]
    return GivenScene(
        pictures=[picture("a", seed=1), picture("b", seed=2)]
        + [
            picture(key, seed=n, place=(1, 1.0))
            for n, key in enumerate("cd"[:pictures_at_second_place])
        ],
        references=[reference("r"), reference("s"), reference("t"), reference("u", caption="shoe")],
        features=dict(zip(names, rows.tolist(), strict=True)),
    )


def test_every_picture_of_a_place_has_the_number_of_the_place() -> None:
    given = scene()
    values = {score.key: score.value for score in kid_metric.scores(given)}
    asked = given._rows(["r", "s", "t"])  # no prompt asks for the shoe
    assert values["a"] == values["b"] == pytest.approx(kid(given._rows(["a", "b"]), asked))
    assert values["c"] == values["d"] == pytest.approx(kid(given._rows(["c", "d"]), asked))


def test_a_place_with_one_picture_has_none() -> None:
    scores = list(kid_metric.scores(scene(pictures_at_second_place=1)))
    assert {score.key for score in scores} == {"a", "b"}
    with pytest.raises(UsageError, match="several seeds"):
        list(kid_metric.scores(GivenScene(pictures=[picture("a")], references=[reference("r")])))


def test_other_draws_are_another_scorer() -> None:
    given = scene()
    (one, *_) = kid_metric.scores(given)
    given.pictures = [picture("a", seed=1), picture("b", seed=3)]
    (other, *_) = kid_metric.scores(given)
    assert one.scorer != other.scorer
    assert one.scorer.startswith("given/1:")
