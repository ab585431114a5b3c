"""(IA)³ for Stable Diffusion XL: learned scales of attention's keys and values."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from sdxl_reg.trainers.config import TrainerConfig
from sdxl_reg.trainers.interface import Report, TrainingJob
from sdxl_reg.vocabulary import ArtifactKind
from sdxl_reg_ia3.config import Ia3Config

__all__ = ["Ia3Config", "Ia3Trainer", "plugin"]


class Ia3Trainer:
    """Trains and applies (IA)³ scales; torch is imported by its verbs only."""

    name = "ia3"
    summary = "(IA)³: one scale for every channel of attention's keys and values"
    kind = ArtifactKind.LORA  # the nearest: a small change of the layers that LoRA changes
    config: type[TrainerConfig] = Ia3Config

    def train(self, job: TrainingJob, report: Report) -> list[Path]:
        """Train and save; see `sdxl_reg_ia3.train.train`."""
        from sdxl_reg_ia3.train import train

        return train(job, report)

    def applied(
        self, pipeline: Any, weights: Path, strength: float | Sequence[float]
    ) -> AbstractContextManager[None]:
        """Draw with scales; see `sdxl_reg_ia3.apply.applied`."""
        from sdxl_reg_ia3.apply import applied

        return applied(pipeline, weights, strength)


plugin = Ia3Trainer()
