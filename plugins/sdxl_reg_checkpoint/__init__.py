"""Full fine-tuning and DreamBooth (Ruiz et al. 2023, arXiv:2208.12242) of Stable Diffusion XL."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from sdxl_reg.trainers.config import TrainerConfig
from sdxl_reg.trainers.interface import Report, TrainingJob
from sdxl_reg.vocabulary import ArtifactKind
from sdxl_reg_checkpoint.config import CheckpointConfig

__all__ = ["CheckpointConfig", "CheckpointTrainer", "plugin"]


class CheckpointTrainer:
    """Trains and applies whole checkpoints in one file; torch is imported by its verbs only."""

    name = "checkpoint"
    summary = "All weights of the U-Net and, if asked, of the text encoders (DreamBooth)"
    kind = ArtifactKind.CHECKPOINT
    config: type[TrainerConfig] = CheckpointConfig

    def train(self, job: TrainingJob, report: Report) -> list[Path]:
        """Train and save; see `sdxl_reg_checkpoint.train.train`."""
        from sdxl_reg_checkpoint.train import train

        return train(job, report)

    def applied(
        self, pipeline: Any, weights: Path, strength: float | Sequence[float]
    ) -> AbstractContextManager[None]:
        """Draw with a checkpoint; see `sdxl_reg_checkpoint.apply.applied`."""
        from sdxl_reg_checkpoint.apply import applied

        return applied(pipeline, weights, strength)


plugin = CheckpointTrainer()
