"""The settings of the LoRA trainer, under kohya's names; rank and alpha are network_dim and _alpha.

Defaults are for real SDXL, after the practice of the field; a base as small as the built-in one
wants others, which stand beside them.
"""

from typing import Any, ClassVar, Literal, Self

from pydantic import AliasChoices, Field, model_validator

from sdxl_reg.trainers.settings import DenoisingConfig

LARGEST_RANK = 1024
LARGEST_FLOAT16 = 65504
"""Alphas are saved in float16."""


class LoraConfig(DenoisingConfig):
    """What a LoRA training can be told."""

    for_small_bases: ClassVar[dict[str, Any]] = {
        "rank": 16,
        "alpha": 16,
        "learning_rate": 2e-3,
        "text_encoder_lr": 1.5e-3,
        "train_batch_size": 8,
    }

    learning_rate: float = Field(
        default=5e-5, gt=0, le=10, description="Learning rate of the U-Net, unless unet_lr is set."
    )
    text_encoder_lr: float | None = Field(
        default=1e-4,
        ge=0,
        le=10,
        description="Learning rate of both text encoders; 0 trains none (sd-scripts: "
        "--network_train_unet_only) and lets their outputs be cached.",
    )
    algorithm: Literal["lora", "dora", "loha", "lokr"] = Field(
        default="lora",
        description="lora (Hu et al. 2021), dora (Liu et al. 2024: direction and magnitude "
        "apart), loha (Hyeon-Woo et al. 2022: Hadamard product) or lokr (Yeh et al. 2024: "
        "Kronecker product).",
    )
    rank: int = Field(
        default=128,
        ge=1,
        le=LARGEST_RANK,
        validation_alias=AliasChoices("rank", "network_dim"),
        description="Inner width of each adapter (Hu et al. 2021: r); kohya's network_dim.",
    )
    alpha: float = Field(
        default=64.0,
        gt=0,
        le=LARGEST_FLOAT16,
        validation_alias=AliasChoices("alpha", "network_alpha"),
        description="An adapter's output is scaled by alpha / rank (Hu et al. 2021, section 4.1); "
        "kohya's network_alpha.",
    )
    conv_rank: int | None = Field(
        default=None,
        ge=1,
        le=LARGEST_RANK,
        validation_alias=AliasChoices("conv_rank", "conv_dim"),
        description="Inner width of adapters of 3 × 3 convolutions, which are then trained too, "
        "with the other layers of their blocks; kohya's conv_dim. None by default.",
    )
    conv_alpha: float = Field(
        default=1.0, gt=0, le=LARGEST_FLOAT16, description="Alpha of these adapters."
    )
    network_dropout: float = Field(
        default=0.0, ge=0, lt=1, description="Share of the values at the inner width set to 0."
    )
    rank_dropout: float = Field(
        default=0.0, ge=0, lt=1, description="Share of the ranks left out, for each picture."
    )
    module_dropout: float = Field(
        default=0.0, ge=0, lt=1, description="Share of the adapters left out, at each step."
    )
    scale_weight_norms: float | None = Field(
        default=None,
        gt=0,
        description="Shrink an adapter whose change of weights has a larger norm; 1 is a good "
        "start. None by default.",
    )

    @model_validator(mode="after")
    def _dropout_fits_the_algorithm(self) -> Self:
        if self.network_dropout and self.algorithm in ("loha", "lokr"):
            raise ValueError(f"network_dropout: {self.algorithm} has rank_dropout instead")
        if self.scale_weight_norms and self.algorithm != "lora":
            raise ValueError(f"scale_weight_norms: works with lora, not with {self.algorithm}")
        return self
