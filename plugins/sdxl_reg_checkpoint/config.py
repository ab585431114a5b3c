"""The settings of the checkpoint trainer: those of every denoiser, and averages.

Defaults are for real SDXL, after the practice of the field; a base as small as the built-in one
wants others, which stand beside them.
"""

from typing import Any, ClassVar

from pydantic import Field

from sdxl_reg.trainers.settings import DenoisingConfig


class CheckpointConfig(DenoisingConfig):
    """What a training of a whole checkpoint can be told."""

    for_small_bases: ClassVar[dict[str, Any]] = {
        "learning_rate": 2e-4,
        "train_batch_size": 8,
    }

    learning_rate: float = Field(
        default=5e-6,
        gt=0,
        le=10,
        description="Learning rate of the U-Net, unless unet_lr is set; 5e-6 in DreamBooth (Ruiz "
        "et al. 2023, section 4), 1e-6 to 1e-5 in practice.",
    )
    text_encoder_lr: float | None = Field(
        default=0.0,
        ge=0,
        le=10,
        description="Learning rate of both text encoders, where they are trained a few 1e-6; 0 "
        "trains none and lets their outputs be cached.",
    )
    ema_decay: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="Draw and save exponential moving averages of the weights with this decay, "
        "reached after a warm-up; 0.9999 in practice, 0 keeps none.",
    )
