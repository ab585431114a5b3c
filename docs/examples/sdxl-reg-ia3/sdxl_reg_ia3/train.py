"""Training (IA)³ scales, from a job to files."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from random import Random
from typing import Any

import torch
from torch import Tensor, nn

from sdxl_reg.diffusion.weights import save_weights
from sdxl_reg.trainers.interface import Report, TrainingJob
from sdxl_reg.training.base import Base, loaded_base, settings_of
from sdxl_reg.training.loop import fit
from sdxl_reg.training.trainee import ParameterGroup
from sdxl_reg.vocabulary import ArtifactKind
from sdxl_reg_ia3.apply import SUFFIX, fitting_changes, scaled, scaled_layers
from sdxl_reg_ia3.config import Ia3Config


def train(job: TrainingJob, report: Report) -> list[Path]:
    """Train scales and save a file for each version.

    Args:
        job: What to train, on what; its `config` is an `Ia3Config`.
        report: Hears of progress, numbers, pictures and every file.

    Returns:
        The files, oldest first.

    Raises:
        UsageError: The dataset is empty, the base is not SDXL or the settings do not fit it.
        Corrupt: The base, a picture or the file to start from cannot be read.
        WorkFailed: The loss is no longer a finite number.
    """
    config = settings_of(job, Ia3Config)
    base = loaded_base(job, config)
    trainee = Ia3Trainee(base, config, start_path=job.start_path)
    return fit(ArtifactKind.LORA, job, config, base=base, trainee=trainee, report=report)


class Ia3Trainee:
    """Scales of every key and value, new or those of a file, as the training loop sees them.

    Args:
        base: Its U-Net's layers receive them, as a parameter `ia3` each.
        config: Has the learning rate.
        start_path: A file of this trainer to go on from.

    Raises:
        Corrupt: That file is damaged, or made for another base.
    """

    changes_text = False  # so the loop encodes each caption once and keeps the result

    def __init__(self, base: Base, config: Ia3Config, *, start_path: Path | None = None) -> None:
        unet = base.part("unet")
        begun = fitting_changes(start_path, unet) if start_path else {}
        self._changes: dict[str, nn.Parameter] = {}
        for name, layer in scaled_layers(unet).items():
            first = begun.get(name, torch.zeros(layer.out_features))
            self._changes[name] = nn.Parameter(first.to(base.device, torch.float32))
            layer.register_parameter("ia3", self._changes[name])
            layer.register_forward_hook(_scaled_by_its_own)
        parameters = list(self._changes.values())
        self.groups = [ParameterGroup(name="ia3", parameters=parameters, lr=config.learning_rate)]

    @property
    def saved_values(self) -> int:
        """How many numbers a saved file holds."""
        return sum(change.numel() for change in self._changes.values())

    def caption(self, caption: str, chance: Random) -> str:
        """The caption as it is."""
        return caption

    def prompt(self, caption: str) -> str:
        """The caption as it is."""
        return caption

    def after_update(self) -> None:
        """Nothing."""

    def drawing(self) -> AbstractContextManager[None]:
        """Nothing: scales act alike in training and in drawing."""
        return nullcontext()

    def state(self) -> Mapping[str, Tensor]:
        """The changes in float32."""
        return {name: change.detach() for name, change in self._changes.items()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take up changes bit by bit."""
        for name, change in self._changes.items():
            change.data.copy_(state[name])

    def save(self, path: Path, metadata: Mapping[str, str], dtype: torch.dtype) -> None:
        """Write a file that does not claim to be a LoRA."""
        tensors = {name + SUFFIX: change.to(dtype) for name, change in self._changes.items()}
        architecture = metadata["modelspec.architecture"].replace("/lora", "/ia3")
        save_weights(path, tensors, {**metadata, "modelspec.architecture": architecture})

    def facts(self) -> Mapping[str, object]:
        """The kind of network; kohya has no more names for it."""
        return {"network_module": "sdxl_reg_ia3"}


def _scaled_by_its_own(layer: Any, inputs: Any, output: Tensor) -> Tensor:
    return scaled(output, layer.ia3, 1.0)
