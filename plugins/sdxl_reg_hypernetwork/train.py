"""Training a hypernetwork of SDXL, from a job to files.

Source: the method and its defaults are A1111's, v1.10.1, `modules/hypernetworks/hypernetwork.py`.
"""

from pathlib import Path

from sdxl_reg.trainers.interface import Report, TrainingJob
from sdxl_reg.training.base import loaded_base, settings_of
from sdxl_reg.training.loop import fit
from sdxl_reg.vocabulary import ArtifactKind
from sdxl_reg_hypernetwork.config import HypernetworkConfig
from sdxl_reg_hypernetwork.trainee import HypernetworkTrainee


def train(job: TrainingJob, report: Report) -> list[Path]:
    """Train networks and save a file for each epoch, or as the settings say.

    Args:
        job: What to train, on what; its `config` is a `HypernetworkConfig`. With a `start_path`
            the networks are that file's, and the settings of theirs do not count.
        report: Hears of progress, numbers, pictures and every file.

    Returns:
        The files, oldest first.

    Raises:
        UsageError: The dataset is empty, the base is not SDXL or the settings do not fit it.
        Corrupt: The base, a picture or the file to start from cannot be read.
        WorkFailed: The loss is no longer a finite number.
    """
    config = settings_of(job, HypernetworkConfig)
    base = loaded_base(job, config)
    trainee = HypernetworkTrainee(base, config, start_path=job.start_path)
    report.message(trainee.description)
    return fit(ArtifactKind.HYPERNETWORK, job, config, base=base, trainee=trainee, report=report)
