"""The settings of training with a denoising loss, under kohya's names, in four parts."""

from sdxl_reg.trainers.config import TrainerConfig
from sdxl_reg.trainers.settings.data import DataSettings
from sdxl_reg.trainers.settings.objective import ObjectiveSettings
from sdxl_reg.trainers.settings.optimizer import OptimizerSettings
from sdxl_reg.trainers.settings.output import OutputSettings

__all__ = [
    "DataSettings",
    "DenoisingConfig",
    "ObjectiveSettings",
    "OptimizerSettings",
    "OutputSettings",
]


class DenoisingConfig(
    DataSettings, ObjectiveSettings, OptimizerSettings, OutputSettings, TrainerConfig
):
    """What every trainer takes that teaches a denoiser; a plugin adds its own fields."""
