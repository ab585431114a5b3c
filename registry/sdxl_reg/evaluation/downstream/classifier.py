"""A small classifier on frozen features: logistic regression, as linear probes are.

Source: Alain and Bengio 2016, "Understanding intermediate layers using linear classifier probes",
arXiv:1610.01644; the loss is the usual softmax cross-entropy with an L2 penalty on the weights.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sdxl_reg.evaluation.metrics.interface import Rows

PENALTY = 1e-2
"""Of the squared weights, on features centred and of length 1 on average."""
_STEPS = 500


@dataclass(frozen=True, kw_only=True)
class Classifier:
    """A fitted classifier.

    Attributes:
        centre: Mean of the features that it was taught with; (D,).
        scale: Their root mean square length about it, > 0.
        weights: (D + 1, classes); the last row is the bias.
    """

    centre: torch.Tensor
    scale: float
    weights: torch.Tensor

    def predict(self, features: Rows) -> NDArray[np.int64]:
        """The likeliest class of each picture; (N,).

        Args:
            features: (N, D).
        """
        inputs = (torch.from_numpy(features).double() - self.centre) / self.scale
        predicted: NDArray[np.int64] = _logits(inputs, self.weights).argmax(dim=1).numpy()
        return predicted


def fit(features: Rows, labels: NDArray[np.int64], *, classes: int) -> Classifier:
    """Teach a classifier; every class weighs the same, however many pictures it has.

    Args:
        features: (N, D).
        labels: From 0; (N,), at least one of each class.
        classes: How many.

    Accuracy: the gradient at the end is below 1e-6 (`tests/.../downstream/test_classifier.py`); in
        float64 the same inputs give the same weights.
    """
    rows = torch.from_numpy(features).double()
    centre = rows.mean(dim=0)
    scale = float(((rows - centre) ** 2).sum(dim=1).mean().sqrt()) or 1.0
    inputs, targets = (rows - centre) / scale, torch.from_numpy(labels)
    weights = torch.zeros(inputs.shape[1] + 1, classes, dtype=torch.float64, requires_grad=True)
    solver = torch.optim.LBFGS(
        [weights],
        max_iter=_STEPS,
        tolerance_grad=1e-7,
        tolerance_change=1e-12,
        line_search_fn="strong_wolfe",
    )

    def closure() -> torch.Tensor:
        solver.zero_grad()
        value = loss(inputs, targets, weights)
        value.backward()  # type: ignore[no-untyped-call]
        return value

    solver.step(closure)  # type: ignore[no-untyped-call]
    return Classifier(centre=centre, scale=scale, weights=weights.detach())


def loss(inputs: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """What is minimised: mean cross-entropy of each class, their mean, and the penalty.

    Args:
        inputs: (N, D), centred and scaled.
        targets: Classes; (N,).
        weights: (D + 1, classes).

    Returns:
        A scalar ≥ 0.
    """
    of_class = torch.bincount(targets, minlength=weights.shape[1]).double()
    balance = of_class.clamp(min=1).reciprocal()
    entropy = nn.functional.cross_entropy(_logits(inputs, weights), targets, weight=balance)
    return entropy + PENALTY * (weights[:-1] ** 2).sum() / 2


def _logits(inputs: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    return inputs @ weights[:-1] + weights[-1]
