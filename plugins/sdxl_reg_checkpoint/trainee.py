"""A base whose own weights are trained, as the training loop sees it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from random import Random

import torch
from torch import Tensor

from sdxl_reg.diffusion.pipeline import MODELS
from sdxl_reg.diffusion.single_file import save_single_file, weights_of
from sdxl_reg.errors import UsageError
from sdxl_reg.formats.single_file import marks_for
from sdxl_reg.training.base import PARTS, Base
from sdxl_reg.training.trainee import ParameterGroup
from sdxl_reg_checkpoint.average import Averages
from sdxl_reg_checkpoint.config import CheckpointConfig

AVERAGED = "average of "
UPDATES = "updates averaged"


class CheckpointTrainee:
    """All weights of every part whose learning rate is above 0; the VAE stays as it is.

    Args:
        base: Is changed by training; its weights are float32.
        config: Learning rates and averages.

    Attributes:
        groups: One for each part.

    Raises:
        UsageError: Every learning rate is 0.
    """

    def __init__(self, base: Base, config: CheckpointConfig) -> None:
        self._base = base
        self._config = config
        self.groups = [
            ParameterGroup(
                name=part,
                parameters=[*base.part(part).requires_grad_(True).parameters()],
                lr=config.rate_of(part),
            )
            for part in PARTS
            if config.rate_of(part) > 0
        ]
        if not self.groups:
            raise UsageError(
                "nothing to train: every learning rate is 0", remedy="Set learning_rate"
            )
        self._weights = {
            f"{group.name}.{name}": value
            for group in self.groups
            for name, value in base.part(group.name).named_parameters()
        }
        self._averages: Averages | None = None
        if config.ema_decay:
            self._averages = Averages([*self._weights.values()], config.ema_decay)

    @property
    def changes_text(self) -> bool:
        """Whether a text encoder is trained."""
        return any(group.name != "unet" for group in self.groups)

    @property
    def saved_values(self) -> int:
        """How many numbers a saved file holds: those of all parts, trained or not."""
        modules = [getattr(self._base.pipeline, name) for name in MODELS]
        return sum(value.numel() for module in modules for value in module.parameters())

    def caption(self, caption: str, chance: Random) -> str:
        """The caption as it is."""
        return caption

    def prompt(self, caption: str) -> str:
        """The caption as it is."""
        return caption

    def after_update(self) -> None:
        """Have the averages follow."""
        if self._averages:
            self._averages.follow()

    @contextmanager
    def drawing(self) -> Iterator[None]:
        """The averages, where there are any, are what the base holds."""
        if self._averages is None:
            yield
            return
        with self._averages.in_place():
            yield

    def state(self) -> Mapping[str, Tensor]:
        """The weights that are trained and their averages, in float32."""
        weights = {name: value.detach() for name, value in self._weights.items()}
        return {**weights, **self._averages_by_name()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take up weights and averages bit by bit."""
        for name, value in self.state().items():
            value.copy_(state[name])
        if self._averages:
            self._averages.updates = int(state[UPDATES])

    def save(self, path: Path, metadata: Mapping[str, str], dtype: torch.dtype) -> None:
        """Write all parts of the pipeline as one file in the original layout."""
        with self.drawing():
            save_single_file(
                path,
                weights_of(self._base.pipeline),
                metadata=metadata,
                dtype=dtype,
                marks=marks_for(self._schedule()),
            )

    def facts(self) -> Mapping[str, object]:
        """What was trained, under the names of kohya's `sdxl_train.py`."""
        rates = {
            f"learning_rate_te{number}": self._config.rate_of(part)
            for number, part in enumerate(PARTS[1:], start=1)
        }
        return {
            "train_text_encoder": self.changes_text,
            "ema_decay": self._config.ema_decay or None,
            **rates,
        }

    def _averages_by_name(self) -> dict[str, Tensor]:
        if self._averages is None:
            return {}
        values = zip(self._weights, self._averages.values, strict=True)
        updates = torch.tensor(self._averages.updates)
        return {f"{AVERAGED}{name}": value for name, value in values} | {UPDATES: updates}

    def _schedule(self) -> dict[str, object]:
        """What the model needs of a scheduler that draws with it."""
        base = self._base.pipeline.scheduler.config.get("rescale_betas_zero_snr", False)
        return {
            "prediction_type": self._base.prediction_type,
            "rescale_betas_zero_snr": self._config.zero_terminal_snr or base,
        }
