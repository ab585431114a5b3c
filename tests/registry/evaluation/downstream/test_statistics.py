"""F1 and its differences."""

import numpy as np
import pytest

from sdxl_reg.evaluation.downstream.statistics import Trial, differences, f1_scores


def trial(truth: list[int], predicted: list[int], units: list[int] | None = None) -> Trial:
    return Trial(
        truth=np.array(truth),
        predicted=np.array(predicted),
        units=np.array(units if units is not None else range(len(truth))),
    )


def test_f1_is_twice_the_hits_by_all_that_is_or_is_said_to_be() -> None:
    # Class 0: 2 hits, 1 missed, 1 false; class 1: 1 hit, 1 false, 1 missed; class 2: 1 hit.
    one = trial([0, 0, 0, 1, 1, 2], [0, 0, 1, 1, 0, 2])
    assert f1_scores([one], 3).tolist() == pytest.approx([4 / 6, 2 / 4, 1])


def test_it_is_the_mean_over_splits_and_a_split_without_a_class_does_not_count() -> None:
    one, other = trial([0, 1], [0, 0]), trial([0, 0], [0, 0])
    assert f1_scores([one, other], 2).tolist() == pytest.approx([(2 / 3 + 1) / 2, 0])


def random_trials(seed: int, right: float, *, pictures: int = 60, splits: int = 3) -> list[Trial]:
    generator = np.random.default_rng(seed)
    made = []
    for split in range(splits):
        truth = np.random.default_rng(split).integers(0, 2, pictures)
        wrong = generator.random(pictures) > right
        units = np.random.default_rng(split).permutation(2 * pictures)[:pictures]
        made.append(Trial(truth=truth, predicted=np.where(wrong, 1 - truth, truth), units=units))
    return made


def test_a_regime_against_itself_differs_by_nothing() -> None:
    same = random_trials(1, 0.7)
    overall, each = differences(same, same, 2)
    assert [overall.mean, overall.low, overall.high] == [0, 0, 0]
    assert all((d.mean, d.low, d.high) == (0, 0, 0) for d in each)


def test_a_clear_gain_has_an_interval_above_0_and_luck_has_not() -> None:
    overall, each = differences(random_trials(2, 0.95), random_trials(1, 0.6), 2)
    assert overall.low > 0.1
    assert overall.low < overall.mean < overall.high
    assert all(difference.low > 0 for difference in each)
    luck, _ = differences(random_trials(3, 0.7), random_trials(4, 0.7), 2)
    assert luck.low < 0 < luck.high


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    # Both are right 7 times of 10: the true difference is 0. Over 120 experiments of one split,
    # where pictures are independent, 95 % ± 3 standard errors of 2 % should cover it.
    covered = 0
    for seed in range(120):
        one, other = (
            random_trials(2 * seed, 0.7, splits=1),
            random_trials(2 * seed + 1, 0.7, splits=1),
        )
        overall, _ = differences(one, other, 2)
        covered += overall.low <= 0 <= overall.high
    assert covered / 120 > 0.89


def test_pictures_alike_are_drawn_together_and_widen_the_interval() -> None:
    one, base = random_trials(1, 0.8, splits=1), random_trials(2, 0.6, splits=1)
    alone, _ = differences(one, base, 2)
    pairs = [
        Trial(truth=t.truth.repeat(4), predicted=t.predicted.repeat(4), units=t.units.repeat(4))
        for t in (one[0], base[0])
    ]
    together, _ = differences(pairs[:1], pairs[1:], 2)
    assert together.mean == pytest.approx(alone.mean)
    assert together.high - together.low == pytest.approx(alone.high - alone.low, rel=0.05)


def test_a_class_that_is_rare_among_those_drawn_gives_no_made_up_number() -> None:
    one, base = trial([0] * 9 + [1], [0] * 10), trial([0] * 9 + [1], [0] * 9 + [1])
    overall, each = differences([one], [base], 2)
    assert np.isfinite([overall.low, overall.high]).all()
    assert (each[1].mean, each[1].low, each[1].high) == (-1, -1, -1)


def test_the_same_seed_gives_the_same_interval() -> None:
    one, base = random_trials(1, 0.8), random_trials(2, 0.6)
    assert differences(one, base, 2) == differences(one, base, 2)
