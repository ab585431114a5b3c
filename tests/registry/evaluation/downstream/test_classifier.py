"""The classifier against an independent optimum."""

import numpy as np
import torch
from numpy.typing import NDArray

from sdxl_reg.evaluation.downstream.classifier import PENALTY, fit, loss


def blobs(seed: int, counts: tuple[int, ...] = (30, 20, 5)) -> tuple[NDArray, NDArray]:  # type: ignore[type-arg]
    generator = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    centres = np.random.default_rng(0).normal(size=(len(counts), 6)) * 1.2
    features = centres[labels] + generator.normal(size=(len(labels), 6))
    return features.astype(np.float32), labels.astype(np.int64)


def test_at_the_end_nothing_pulls_at_the_weights() -> None:
    features, labels = blobs(1)
    fitted = fit(features, labels, classes=3)
    inputs = (torch.from_numpy(features).double() - fitted.centre) / fitted.scale
    weights = fitted.weights.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(loss(inputs, torch.from_numpy(labels), weights), weights)
    assert gradient.abs().max() < 1e-6


def test_the_loss_is_the_one_that_numpy_computes() -> None:
    features, labels = blobs(2)
    weights = np.random.default_rng(3).normal(size=(7, 3))
    scores = features.astype(np.float64) @ weights[:-1] + weights[-1]
    logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    of_class = [-logs[labels == c, c].mean() for c in range(3)]
    expected = np.mean(of_class) + PENALTY * (weights[:-1] ** 2).sum() / 2
    found = loss(
        torch.from_numpy(features).double(), torch.from_numpy(labels), torch.from_numpy(weights)
    )
    assert abs(float(found) - expected) < 1e-12


def test_it_tells_classes_apart_the_rare_one_too() -> None:
    fitted = fit(*blobs(1), classes=3)
    features, labels = blobs(9, (50, 50, 50))
    right = fitted.predict(features) == labels
    assert all(right[labels == c].mean() > 0.7 for c in range(3))


def test_a_scale_or_a_shift_of_all_features_changes_nothing() -> None:
    features, labels = blobs(1)
    other = blobs(5)[0]
    plain = fit(features, labels, classes=3).predict(other)
    moved = fit(features * 64 + 8, labels, classes=3).predict(other * 64 + 8)
    assert np.array_equal(plain, moved)


def test_equal_pictures_are_no_division_by_zero() -> None:
    features = np.ones((6, 4), dtype=np.float32)
    fitted = fit(features, np.array([0, 0, 0, 1, 1, 1]), classes=2)
    assert set(fitted.predict(features).tolist()) <= {0, 1}
