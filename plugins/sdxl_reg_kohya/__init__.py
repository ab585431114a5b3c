"""Trainers that drive a checkout of kohya's sd-scripts (https://github.com/kohya-ss/sd-scripts).

They make the same kinds of files as ours do, and leave drawing with them to ours.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdxl_reg.trainers.config import TrainerConfig
from sdxl_reg.trainers.discovery import find_trainer
from sdxl_reg.trainers.interface import Report, TrainingJob
from sdxl_reg.vocabulary import ArtifactKind
from sdxl_reg_kohya.config import KohyaCheckpointConfig, KohyaEmbeddingConfig, KohyaLoraConfig

__all__ = ["KohyaTrainer", "checkpoint", "embedding", "lora"]


@dataclass(frozen=True, kw_only=True)
class KohyaTrainer:
    """Trains with one of sd-scripts' programs, in a process of its own.

    Attributes:
        name: What users type.
        summary: One line of help.
        kind: What it makes.
        config: The settings it takes.
    """

    name: str
    summary: str
    kind: ArtifactKind
    config: type[TrainerConfig]

    def train(self, job: TrainingJob, report: Report) -> list[Path]:
        """Train and save; see `sdxl_reg_kohya.train.train`."""
        from sdxl_reg_kohya.train import train

        return train(job, report, self.kind)

    def applied(
        self, pipeline: Any, weights: Path, strength: float | Sequence[float]
    ) -> AbstractContextManager[None]:
        """Draw with a file as our own trainer of its kind does.

        Args:
            pipeline: A `StableDiffusionXLPipeline`.
            weights: A file of this kind.
            strength: One value, or one for every picture of the batch.
        """
        return find_trainer(self.kind.value).applied(pipeline, weights, strength)


lora = KohyaTrainer(
    name="kohya-lora",
    summary="LoRA by kohya's sd-scripts, from a checkout of yours",
    kind=ArtifactKind.LORA,
    config=KohyaLoraConfig,
)
embedding = KohyaTrainer(
    name="kohya-embedding",
    summary="Textual inversion by kohya's sd-scripts, from a checkout of yours",
    kind=ArtifactKind.EMBEDDING,
    config=KohyaEmbeddingConfig,
)
checkpoint = KohyaTrainer(
    name="kohya-checkpoint",
    summary="Full fine-tuning by kohya's sd-scripts, from a checkout of yours",
    kind=ArtifactKind.CHECKPOINT,
    config=KohyaCheckpointConfig,
)
