"""Strengths against an independent maximisation of the same likelihood."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdxl_reg.evaluation.bradley_terry import Floats, Strengths, fit, preference


def _newton(wins: Floats) -> tuple[Floats, Floats]:
    """Logistic regression, a row a comparison: x is +1 and -1, and one row each for the prior."""
    size = len(wins)
    rows, outcomes, weights = [], [], []
    for one in range(size):
        for other in range(size):
            rows.append(np.eye(size)[one] - np.eye(size)[other])
            outcomes.append(1.0)
            weights.append(wins[one, other])
        rows.append(np.eye(size)[one])
        outcomes.append(0.5)
        weights.append(1.0)
    x, y, w = np.array(rows), np.array(outcomes), np.array(weights)
    theta = np.zeros(size)
    for _ in range(200):
        p = 1 / (1 + np.exp(-x @ theta))
        hessian = (x * (w * p * (1 - p))[:, np.newaxis]).T @ x
        step = np.linalg.solve(hessian, x.T @ (w * (y - p)))
        theta = theta + step * min(1.0, 1.0 / max(float(np.abs(step).max()), 1e-30))
    return theta, np.linalg.inv(hessian)


def _random_wins(size: int, most: int, seed: int) -> Floats:
    wins = np.random.default_rng(seed).integers(0, most, (size, size)) / 2.0
    np.fill_diagonal(wins, 0)
    return wins


@pytest.mark.parametrize(
    "wins",
    [
        _random_wins(2, 9, 1),
        _random_wins(12, 7, 2),
        _random_wins(40, 3, 3),
        _random_wins(5, 400, 4),
        np.array([[0.0, 30.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]),
        np.array([[0.0, 9, 0, 0], [2, 0, 0, 0], [0, 0, 0, 5], [0, 0, 3, 0]]),
        np.triu(np.full((6, 6), 4.0), 1),
    ],
    ids=["two", "twelve", "forty", "many votes", "unbeaten and unseen", "two groups", "a ladder"],
)
def test_strengths_and_variances_of_differences_are_those_of_newtons_method(wins: Floats) -> None:
    theta, covariance = _newton(wins)
    found = fit(wins)
    np.testing.assert_allclose(found.theta, theta, atol=1e-8)
    own = np.diag(covariance)
    variance = own[:, np.newaxis] + own - 2 * covariance
    np.testing.assert_allclose(found.difference_variance(), variance, rtol=1e-6, atol=1e-9)


def test_without_comparisons_strengths_are_0_and_as_uncertain_as_the_prior() -> None:
    found = fit(np.zeros((3, 3)))
    assert found.theta.tolist() == [0.0, 0.0, 0.0]
    assert np.diag(found.covariance).tolist() == pytest.approx([4 * 2 / 3] * 3)
    variance = found.difference_variance()
    np.testing.assert_allclose(variance, 8 * (1 - np.eye(3)), atol=1e-12)


def test_many_comparisons_leave_little_uncertainty() -> None:
    wins = np.full((3, 3), 5000.0)
    np.fill_diagonal(wins, 0)
    assert np.diag(fit(wins).covariance).max() < 0.01**2 * 2


def test_one_candidate_and_none_are_no_trouble() -> None:
    assert fit(np.zeros((1, 1))).theta.tolist() == [0.0]
    assert fit(np.zeros((0, 0))).theta.tolist() == []


def test_a_difference_of_1_is_preferred_in_73_of_100() -> None:
    assert preference(np.array([1.0, 0.0]))[0].tolist() == pytest.approx([0.5, 0.731], abs=5e-4)


@given(st.integers(2, 6), st.integers(1, 9), st.integers(0, 2**16))
def test_turning_every_outcome_around_turns_the_strengths_around(
    size: int, most: int, seed: int
) -> None:
    wins = _random_wins(size, most, seed)
    np.testing.assert_allclose(fit(wins.T).theta, -fit(wins).theta, atol=1e-8)


def _levelled(theta: Floats) -> Floats:
    """Moved so that all together win half of their games against 0."""
    low, high = -50.0, 50.0
    for _ in range(100):
        middle = (low + high) / 2
        excess = (1 / (1 + np.exp(-theta - middle)) - 0.5).sum()
        low, high = (low, middle) if excess > 0 else (middle, high)
    return np.asarray(theta + low)


def test_ninety_percent_intervals_hold_the_truth_about_that_often() -> None:
    truth = _levelled(np.array([-1.5, -0.2, 0.0, 0.3, 2.0]))
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(400):
        wins = np.triu(rng.binomial(12, preference(truth)), 1).astype(np.float64)
        wins += np.tril(12 - wins.T, -1)
        found = fit(wins)
        held += int((np.abs(found.theta - truth) <= 1.645 * _errors(found)).sum())
    # 2000 intervals, of which five at a time are not independent: +- 0.03
    assert 0.87 <= held / 2000 <= 0.93


def _errors(found: Strengths) -> Floats:
    return np.asarray(np.sqrt(np.diag(found.covariance)))
