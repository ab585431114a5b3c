"""Training a LoRA of SDXL, from a job to files.

Source: Hu et al. 2021, arXiv:2106.09685; DoRA: Liu et al. 2024, arXiv:2402.09353; LoHa: Hyeon-Woo
et al. 2022, arXiv:2108.06098; LoKr: Yeh et al. 2024, arXiv:2309.14859.
"""

from pathlib import Path

from sdxl_reg.trainers.interface import Report, TrainingJob
from sdxl_reg.training.base import loaded_base, settings_of
from sdxl_reg.training.loop import fit
from sdxl_reg.vocabulary import ArtifactKind
from sdxl_reg_lora.config import LoraConfig
from sdxl_reg_lora.trainee import LoraTrainee


def train(job: TrainingJob, report: Report) -> list[Path]:
    """Train adapters and save a file for each epoch, or as the settings say.

    Args:
        job: What to train, on what; its `config` is a `LoraConfig`. With a `start_path` the
            layers, ranks and alphas are that file's.
        report: Hears of progress, numbers, pictures and every file.

    Returns:
        The files, oldest first.

    Raises:
        UsageError: The dataset is empty, the base is not SDXL or the settings do not fit it.
        Corrupt: The base or a picture cannot be read.
        WorkFailed: The loss is no longer a finite number.
    """
    config = settings_of(job, LoraConfig)
    base = loaded_base(job, config)
    trainee = LoraTrainee(base, config, start_path=job.start_path)
    return fit(ArtifactKind.LORA, job, config, base=base, trainee=trainee, report=report)
