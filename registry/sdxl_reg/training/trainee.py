"""What a plugin gives the training loop: the parameters it trains, and what becomes of them."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Protocol

import torch
from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class ParameterGroup:
    """Parameters that share a learning rate.

    Attributes:
        name: Of the metric: `unet` gives `lr_unet`.
        parameters: float32, on the base's device.
        lr: Their learning rate before the schedule.
    """

    name: str
    parameters: Sequence[nn.Parameter]
    lr: float


class Trainee(Protocol):
    """Something that is being trained inside a base."""

    @property
    def groups(self) -> Sequence[ParameterGroup]:
        """What the optimiser gets."""

    @property
    def changes_text(self) -> bool:
        """Whether what the text encoders say changes while training."""

    @property
    def saved_values(self) -> int:
        """How many numbers a saved file holds."""

    def caption(self, caption: str, chance: Random) -> str:
        """What is said of a picture, made of its caption.

        Args:
            caption: As shown.
            chance: Of the showing.
        """

    def prompt(self, caption: str) -> str:
        """What a picture is asked for with, made of a caption of the dataset."""

    def after_update(self) -> None:
        """Called after every step of the optimiser: norms are limited, averages follow."""

    def drawing(self) -> AbstractContextManager[None]:
        """The context in which the base draws as the saved file will have it draw."""

    def state(self) -> Mapping[str, Tensor]:
        """Everything that training changes, on any device."""

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take up what `state` gave, bit by bit."""

    def save(self, path: Path, metadata: Mapping[str, str], dtype: torch.dtype) -> None:
        """Write a version: whole or not at all, equal weights as equal bytes."""

    def facts(self) -> Mapping[str, object]:
        """What the file says of the network, under kohya's names without `ss_`."""
