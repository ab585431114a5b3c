"""The settings of the LoRA trainer, under kohya's names; rank and alpha are network_dim and _alpha.

Defaults are for real SDXL; a base as small as the built-in one wants a higher learning rate.
"""

from typing import Literal

from pydantic import AliasChoices, Field

from sdxl_reg.trainers.config import TrainerConfig


class LoraConfig(TrainerConfig):
    """What a LoRA training can be told."""

    text_encoder_lr: float | None = Field(
        default=0.0,
        ge=0,
        le=10,
        description="Learning rate of both text encoders; 0 trains none, which is the practice for "
        "SDXL (sd-scripts: --network_train_unet_only) and lets their outputs be cached.",
    )
    rank: int = Field(
        default=16,
        ge=1,
        le=1024,
        validation_alias=AliasChoices("rank", "network_dim"),
        description="Inner width of each adapter (Hu et al. 2021: r); kohya's network_dim.",
    )
    alpha: float = Field(
        default=16.0,
        gt=0,
        le=65504,  # the largest number of float16, in which it is saved
        validation_alias=AliasChoices("alpha", "network_alpha"),
        description="An adapter's output is scaled by alpha / rank (Hu et al. 2021, section 4.1); "
        "kohya's network_alpha.",
    )
    optimizer_type: Literal["AdamW", "Adafactor"] = Field(
        default="AdamW",
        description="AdamW (Loshchilov and Hutter 2019) or Adafactor (Shazeer and Stern 2018), "
        "which needs less memory.",
    )
    weight_decay: float = Field(
        default=0.01, ge=0, le=1, description="Decoupled weight decay; 0.01 is AdamW's default."
    )
    lr_scheduler: Literal["constant", "linear", "cosine"] = Field(
        default="cosine",
        description="How the learning rate goes on after the warm-up: stays, or falls to 0.",
    )
    lr_warmup_steps: int = Field(
        default=0, ge=0, description="Steps over which the learning rate rises from 0."
    )
    caption_dropout_rate: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Share of pictures that are shown without caption (Ho and Salimans 2022).",
    )
    noise_offset: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Offset noise (Guttenberg 2023), for very dark or bright pictures; 0.0357 was "
        "used for SDXL itself.",
    )
    min_snr_gamma: float | None = Field(
        default=None,
        gt=0,
        le=1000,
        description="Min-SNR weighting (Hang et al. 2023), which recommends 5; none by default.",
    )
    debiased_estimation_loss: bool = Field(
        default=False,
        description="Weight the loss by 1 / sqrt(SNR) (Yu et al. 2023), so that colours and "
        "layout, which form at high noise, are learned as well as details.",
    )
    max_grad_norm: float = Field(
        default=1.0, ge=0, description="Gradients are clipped to this norm; 0 leaves them alone."
    )
    gradient_checkpointing: bool = Field(
        default=False, description="Compute activations twice to save memory; slower by a third."
    )
    mixed_precision: Literal["no", "bf16"] = Field(
        default="no", description="Precision of the frozen base; adapters are trained in float32."
    )
    save_precision: Literal["float", "fp16", "bf16"] = Field(
        default="fp16", description="Number format of the saved file; fp16 is the custom."
    )
    size_conditioning: Literal["original", "target"] = Field(
        default="original",
        description="What SDXL is told of a picture's size: that of the file and where it was cut "
        "(Podell et al. 2023, section 2.2), or that of the training picture, as when drawing.",
    )
    alpha_background: Literal["white", "black"] = Field(
        default="white", description="Colour behind the transparent parts of a picture."
    )
