"""Textual inversion (Gal et al. 2022, arXiv:2208.01618) for Stable Diffusion XL."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from sdxl_reg.trainers.config import TrainerConfig
from sdxl_reg.trainers.interface import Report, TrainingJob
from sdxl_reg.vocabulary import ArtifactKind
from sdxl_reg_embedding.config import EmbeddingConfig

__all__ = ["EmbeddingConfig", "EmbeddingTrainer", "plugin"]


class EmbeddingTrainer:
    """Trains and applies SDXL embeddings; torch is imported by its verbs only."""

    name = "embedding"
    summary = "Textual inversion: a word of its own in both text encoders, and nothing else"
    kind = ArtifactKind.EMBEDDING
    config: type[TrainerConfig] = EmbeddingConfig

    def train(self, job: TrainingJob, report: Report) -> list[Path]:
        """Train and save; see `sdxl_reg_embedding.train.train`."""
        from sdxl_reg_embedding.train import train

        return train(job, report)

    def applied(
        self, pipeline: Any, weights: Path, strength: float | Sequence[float]
    ) -> AbstractContextManager[None]:
        """Draw with an embedding; see `sdxl_reg_embedding.apply.applied`."""
        from sdxl_reg_embedding.apply import applied

        return applied(pipeline, weights, strength)


plugin = EmbeddingTrainer()
