"""The settings of the (IA)³ trainer: those of every denoising trainer, with a rate of its own."""

from typing import Any, ClassVar

from pydantic import Field, field_validator

from sdxl_reg.trainers.settings import DenoisingConfig


class Ia3Config(DenoisingConfig):
    """What a training of (IA)³ scales can be told."""

    for_small_bases: ClassVar[dict[str, Any]] = {"learning_rate": 2e-2, "train_batch_size": 8}

    learning_rate: float = Field(
        default=3e-3,
        gt=0,
        le=10,
        description="Learning rate of the scales; Liu et al. 2022 train theirs with 3e-3.",
    )

    @field_validator("unet_lr", "text_encoder_lr", "text_encoder_2_lr")
    @classmethod
    def _one_rate(cls, value: float | None) -> None:
        if value is not None:
            raise ValueError("only scales in the U-Net are trained here; set learning_rate")
