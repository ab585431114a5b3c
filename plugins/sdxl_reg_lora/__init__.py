"""Low-rank adapters (LoRA, Hu et al. 2021, arXiv:2106.09685) for Stable Diffusion XL."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from sdxl_reg.trainers.config import TrainerConfig
from sdxl_reg.trainers.interface import Report, TrainingJob
from sdxl_reg.vocabulary import ArtifactKind
from sdxl_reg_lora.config import LoraConfig

__all__ = ["LoraConfig", "LoraTrainer", "plugin"]


class LoraTrainer:
    """Trains and applies LoRA files in kohya's format; torch is imported by its verbs only."""

    name = "lora"
    summary = "Low-rank adapters of the U-Net and, if asked, of the text encoders"
    kind = ArtifactKind.LORA
    config: type[TrainerConfig] = LoraConfig

    def train(self, job: TrainingJob, report: Report) -> list[Path]:
        """Train and save; see `sdxl_reg_lora.train.train`."""
        from sdxl_reg_lora.train import train

        return train(job, report)

    def applied(
        self, pipeline: Any, weights: Path, strength: float | Sequence[float]
    ) -> AbstractContextManager[None]:
        """Draw with a LoRA; see `sdxl_reg_lora.apply.applied`."""
        from sdxl_reg_lora.apply import applied

        return applied(pipeline, weights, strength)


plugin = LoraTrainer()
