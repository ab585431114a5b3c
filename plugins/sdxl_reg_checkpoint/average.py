"""Exponential moving averages of weights, which draw better than the weights they follow.

Source: Ho et al. 2020, arXiv:2006.11239, section 4; the warm-up is that of diffusers'
`training_utils.EMAModel`.
Accuracy: 1e-6 of the weights' size against it (tests/plugins/checkpoint/test_average.py).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn


def decay_at(update: int, limit: float) -> float:
    """How much of an average stays at an update.

    Args:
        update: Number of the update, from 1.
        limit: What the decay rises to, in 0 … 1.

    Returns:
        0 at the first update, then 2/11, 3/12, … up to the limit.
    """
    return min(limit, update / (9 + update)) if update > 1 else 0.0


class Averages:
    """Averages of some parameters, and the number of updates they have followed.

    Args:
        parameters: What is averaged; the averages begin as they are.
        decay: What the decay rises to, in 0 … 1.

    Attributes:
        values: One tensor a parameter, on its device.
        updates: How many there were.
    """

    def __init__(self, parameters: Sequence[nn.Parameter], decay: float) -> None:
        self._parameters = parameters
        self._decay = decay
        self._are_in = False
        self.values: list[Tensor] = [value.detach().clone() for value in parameters]
        self.updates = 0

    @torch.no_grad()
    def follow(self) -> None:
        """Take in what the optimiser has just done."""
        self.updates += 1
        share = 1 - decay_at(self.updates, self._decay)
        for average, parameter in zip(self.values, self._parameters, strict=True):
            average.lerp_(parameter, share)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The parameters hold the averages while the context lasts; no number is copied."""
        if self._are_in:
            yield
            return
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def _swap(self) -> None:
        self._are_in = not self._are_in
        for index, parameter in enumerate(self._parameters):
            self.values[index], parameter.data = parameter.data, self.values[index]
