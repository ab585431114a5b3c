"""The base checkpoint of a training: loaded, on its device, and what its noise schedule says."""

from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor

from sdxl_reg.diffusion.latents import FACTOR
from sdxl_reg.diffusion.noise import alphas_cumprod, zero_terminal_snr
from sdxl_reg.diffusion.pipeline import load_pipeline
from sdxl_reg.errors import InvalidValue, UsageError
from sdxl_reg.trainers.interface import TrainingJob
from sdxl_reg.trainers.settings import DenoisingConfig

Config = TypeVar("Config", bound=DenoisingConfig)

PARTS = ("unet", "text_encoder", "text_encoder_2")
"""What of a pipeline can be trained."""
COMPUTING = {"no": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
SAVING = {"float": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


@dataclass(frozen=True, kw_only=True)
class Base:
    """A base checkpoint that is being trained on.

    Attributes:
        pipeline: A `StableDiffusionXLPipeline`, frozen, on the device; its VAE in float32.
        device: Where it is.
        dtype: In which it computes; with anything but float32 under autocast.
        abar: Shape (timesteps,), of the noise schedule that is trained.
        prediction_type: `epsilon` or `v_prediction`.
        native: Side in pixels of the pictures it was made for.
    """

    pipeline: Any
    device: torch.device
    dtype: torch.dtype
    abar: Tensor
    prediction_type: str
    native: int

    def part(self, name: str) -> Any:
        """One of `PARTS`."""
        return getattr(self.pipeline, name)

    def autocast(self) -> torch.autocast:
        """The context in which it computes."""
        enabled = self.dtype != torch.float32
        return torch.autocast(self.device.type, self.dtype, enabled=enabled)


def loaded_base(
    job: TrainingJob, config: DenoisingConfig, *, weights: torch.dtype | None = None
) -> Base:
    """Load the base of a job.

    Args:
        job: Says where it lies.
        config: Precision, checkpointing and the noise schedule.
        weights: Number format of the U-Net and the text encoders; by default the one they compute
            in. What is trained of them has to be float32.

    Raises:
        Corrupt: It cannot be read.
        UsageError: It is not SDXL, or the settings do not fit it.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    dtype = COMPUTING[config.mixed_precision]
    pipeline = load_pipeline(
        job.base.path, config_path=job.base.config_path, dtype=weights or dtype
    )
    if config.gradient_checkpointing:
        pipeline.unet.enable_gradient_checkpointing()
        pipeline.unet.train()  # what checkpointing asks for; SDXL's U-Net has no dropout
    prediction_type = config.prediction_type or str(pipeline.scheduler.config.prediction_type)
    return Base(
        pipeline=pipeline.to(device),
        device=device,
        dtype=dtype,
        abar=_schedule(pipeline, config, prediction_type),
        prediction_type=prediction_type,
        native=int(pipeline.unet.config.sample_size) * FACTOR,
    )


def settings_of(job: TrainingJob, config: type[Config]) -> Config:
    """A job's settings, as those of the trainer that does it.

    Raises:
        UsageError: They are another trainer's, or the dataset is empty.
    """
    if not isinstance(job.config, config):
        raise UsageError(
            f"these are not settings of {config.__name__}: {type(job.config).__name__}",
            remedy="Give the job to the trainer that it was made for",
        )
    if not job.images:
        raise UsageError(f"{job.dataset_ref} has no pictures", remedy="Train on another dataset")
    return job.config


def _schedule(pipeline: Any, config: DenoisingConfig, prediction_type: str) -> Tensor:
    abar = alphas_cumprod(pipeline.scheduler.config)
    if not config.min_timestep < config.max_timestep <= len(abar):
        raise InvalidValue(
            "min_timestep and max_timestep",
            f"{config.min_timestep} and {config.max_timestep}",
            remedy=f"They are 0 ≤ min < max ≤ {len(abar)}",
        )
    if not config.zero_terminal_snr:
        return abar
    if prediction_type == "epsilon":
        raise UsageError(
            "zero_terminal_snr: pure noise says nothing of epsilon",
            remedy="Train a base of v_prediction, or leave it out",
        )
    return zero_terminal_snr(abar)
