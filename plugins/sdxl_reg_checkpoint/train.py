"""Training a whole SDXL checkpoint, from a job to files.

Source: Ruiz et al. 2023, "DreamBooth", arXiv:2208.12242; prior preservation is
`sdxl_reg.training.prior`.
"""

from pathlib import Path

import torch

from sdxl_reg.trainers.interface import Report, TrainingJob
from sdxl_reg.training.base import loaded_base, settings_of
from sdxl_reg.training.loop import fit
from sdxl_reg.vocabulary import ArtifactKind
from sdxl_reg_checkpoint.config import CheckpointConfig
from sdxl_reg_checkpoint.trainee import CheckpointTrainee
from sdxl_reg_checkpoint.weights import take_up


def train(job: TrainingJob, report: Report) -> list[Path]:
    """Train the weights themselves and save a checkpoint as often as the settings say.

    What is not trained stays as it is in the file, so everything is held in float32: another
    number format would round what the base has.

    Args:
        job: What to train, on what; its `config` is a `CheckpointConfig`.
        report: Hears of progress, numbers, pictures and every file.

    Returns:
        The files, oldest first.

    Raises:
        UsageError: The dataset is empty, the base is not SDXL or the settings do not fit it.
        Corrupt: The base, what to start from or a picture cannot be read.
        WorkFailed: The loss is no longer a finite number.
    """
    config = settings_of(job, CheckpointConfig)
    base = loaded_base(job, config, weights=torch.float32)
    if job.start_path is not None:
        take_up(base.pipeline, job.start_path)
    trainee = CheckpointTrainee(base, config)
    return fit(ArtifactKind.CHECKPOINT, job, config, base=base, trainee=trainee, report=report)
