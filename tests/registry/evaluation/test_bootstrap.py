"""Standard errors and intervals against simulations."""

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdxl_reg.evaluation.bootstrap import Floats, interval, standard_errors
from sdxl_reg.evaluation.places import Draw


def _draws(prompts: int, seeds: int) -> list[Draw]:
    return [(f"prompt {prompt}", seed) for prompt in range(prompts) for seed in range(seeds)]


def _simulated_error(values: Floats, draws: list[Draw], *, of: int) -> float:
    """Resample whole prompts, and take off what so few of them take off."""
    rng = np.random.default_rng(1)
    prompts = sorted({prompt for prompt, _ in draws})
    groups = [[values[n] for n, draw in enumerate(draws) if draw[0] == name] for name in prompts]
    means = [
        np.mean(np.concatenate([groups[one] for one in rng.integers(of, size=of)]))
        for _ in range(4000)
    ]
    return float(np.std(means)) * sqrt(of / (of - 1))


def test_few_prompts_have_the_textbook_error_of_their_draws() -> None:
    rows = np.array([[1.0, 3.0, 1.0, 3.0], [2.0, 2.0, 2.0, 2.0]])
    errors = standard_errors(rows, _draws(2, 2))
    assert errors is not None
    assert errors.tolist() == pytest.approx([3**-0.5, 0.0])


def test_fewer_than_four_draws_tell_no_error() -> None:
    values = np.array([1.0, 3.0, 5.0])
    assert standard_errors(values[np.newaxis], _draws(3, 1)) is None
    assert interval(values, _draws(3, 1)) is None


@pytest.mark.parametrize("missing", [0, 5])
def test_four_prompts_or_more_are_resampled_whole(missing: int) -> None:
    draws = _draws(9, 3)[missing:]
    rng = np.random.default_rng(7)
    of_prompt = {name: rng.normal() for name in sorted({prompt for prompt, _ in draws})}
    values = np.array([of_prompt[prompt] + 0.3 * rng.normal() for prompt, _ in draws])
    errors = standard_errors(values[np.newaxis], draws)
    assert errors is not None
    pieces = len(of_prompt)
    assert errors[0] == pytest.approx(_simulated_error(values, draws, of=pieces), rel=0.05)
    assert errors[0] > 1.3 * values.std(ddof=1) / len(draws) ** 0.5


@pytest.mark.parametrize(("prompts", "seeds"), [(1, 4), (3, 2), (3, 8), (5, 1), (12, 2)])
def test_ninety_percent_intervals_hold_the_truth_about_that_often(prompts: int, seeds: int) -> None:
    draws = _draws(prompts, seeds)
    rng = np.random.default_rng(prompts * 100 + seeds)
    held = 0
    for _ in range(400):
        by_prompt = rng.normal(size=prompts) if prompts > 3 else np.zeros(prompts)
        values = 5.0 + by_prompt.repeat(seeds) + rng.normal(size=len(draws))
        found = interval(values, draws)
        assert found is not None
        held += found[0] <= 5.0 <= found[1]
    # 0.9 +- 3 standard errors of 400 throws (0.045), and 0.01 for what percentiles lose
    assert 0.845 <= held / 400 <= 0.945


@given(
    st.lists(st.floats(-1e3, 1e3), min_size=4, max_size=12),
    st.integers(1, 6),
)
def test_an_interval_contains_its_mean(values: list[float], prompts: int) -> None:
    draws: list[Draw] = [(f"prompt {n % prompts}", n) for n in range(len(values))]
    found = interval(np.array(values), draws)
    assert found is not None
    assert found[0] <= float(np.mean(values)) <= found[1]


def test_an_interval_is_always_the_same_and_moves_with_its_values() -> None:
    draws = _draws(2, 3)
    values = np.array([0.5, 0.25, 1.0, 0.75, 0.5, 0.25])
    found = interval(values, draws)
    assert found is not None
    assert interval(values, draws) == found
    shifted = interval(values + 8, draws)
    assert shifted == pytest.approx((found[0] + 8, found[1] + 8))
