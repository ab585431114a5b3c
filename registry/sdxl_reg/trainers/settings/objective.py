"""Settings of the objective: noise, timesteps, loss and its weights."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class ObjectiveSettings(BaseModel):
    """What the denoiser is asked, and how its answers count."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    prediction_type: Literal["epsilon", "v_prediction"] | None = Field(
        default=None, description="What the U-Net says; by default what the base was trained for."
    )
    zero_terminal_snr: bool = Field(
        default=False,
        description="Rescale the noise schedule so that the last step is pure noise (Lin et al. "
        "2023); for bases trained so, with v_prediction.",
    )
    min_timestep: int = Field(default=0, ge=0, le=999, description="Least noise that is trained.")
    max_timestep: int = Field(
        default=1000, ge=1, le=1000, description="Most noise that is trained, exclusive."
    )
    noise_offset: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Offset noise (Guttenberg 2023), for very dark or bright pictures; 0.0357 was "
        "used for SDXL itself.",
    )
    adaptive_noise_scale: float = Field(
        default=0.0,
        ge=-10,
        le=10,
        description="The offset grows by so much times a channel's mean latent.",
    )
    multires_noise_iterations: int = Field(
        default=0,
        ge=0,
        le=64,
        description="Noise of coarser and coarser grain is added so many times (Whitaker 2023); "
        "6 to 10 in practice, 0 is none.",
    )
    multires_noise_discount: float = Field(
        default=0.3, ge=0, le=1, description="Weight of each coarser noise against the one before."
    )
    ip_noise_gamma: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Input perturbation (Ning et al. 2023): extra noise that need not be "
        "predicted; 0.1 in the paper.",
    )
    loss_type: Literal["l2", "l1", "huber", "smooth_l1"] = Field(
        default="l2", description="How an error counts; huber and smooth_l1 forgive outliers."
    )
    huber_schedule: Literal["snr", "exponential", "constant"] = Field(
        default="snr", description="How the threshold of huber and smooth_l1 depends on the noise."
    )
    huber_c: float = Field(
        default=0.1, gt=0, le=1, description="Their threshold, at the noisiest step."
    )
    huber_scale: float = Field(
        default=1.0, gt=0, description="Factor of the exponential and constant thresholds."
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
    scale_v_pred_loss_like_noise_pred: bool = Field(
        default=False, description="Weight a v loss by SNR / (SNR + 1), as an epsilon loss counts."
    )
    prior_loss_weight: float = Field(
        default=1.0,
        ge=0,
        le=100,
        description="Weight of the class pictures' loss (Ruiz et al. 2023: lambda).",
    )
    class_prompt: str = Field(
        default="",
        description="What the class is called without its special word, such as 'a t-shirt': the "
        "prompt and caption of class pictures that the base draws for prior preservation.",
    )
    num_class_images: int = Field(
        default=0,
        ge=0,
        le=10_000,
        description="Class pictures in all; the base draws those that are not given.",
    )
