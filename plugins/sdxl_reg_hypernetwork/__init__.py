"""Hypernetworks as AUTOMATIC1111's web UI knows them, for Stable Diffusion XL."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from sdxl_reg.trainers.config import TrainerConfig
from sdxl_reg.trainers.interface import Report, TrainingJob
from sdxl_reg.vocabulary import ArtifactKind
from sdxl_reg_hypernetwork.config import HypernetworkConfig

__all__ = ["HypernetworkConfig", "HypernetworkTrainer", "plugin"]


class HypernetworkTrainer:
    """Trains and applies hypernetworks; torch is imported by its verbs only."""

    name = "hypernetwork"
    summary = "Small networks before the keys and values of attention, as A1111 and ComfyUI load"
    kind = ArtifactKind.HYPERNETWORK
    config: type[TrainerConfig] = HypernetworkConfig

    def train(self, job: TrainingJob, report: Report) -> list[Path]:
        """Train and save; see `sdxl_reg_hypernetwork.train.train`."""
        from sdxl_reg_hypernetwork.train import train

        return train(job, report)

    def applied(
        self, pipeline: Any, weights: Path, strength: float | Sequence[float]
    ) -> AbstractContextManager[None]:
        """Draw with a hypernetwork; see `sdxl_reg_hypernetwork.apply.applied`."""
        from sdxl_reg_hypernetwork.apply import applied

        return applied(pipeline, weights, strength)


plugin = HypernetworkTrainer()
