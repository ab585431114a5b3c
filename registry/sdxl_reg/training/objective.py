"""What one batch teaches: noise goes in, and what the U-Net says of it is compared.

Source: Ho et al. 2020, arXiv:2006.11239, algorithm 1, with SDXL's conditioning (Podell et al. 2023,
arXiv:2307.01952); the variants name theirs in `diffusion.noise` and `diffusion.loss`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from sdxl_reg.diffusion.conditioning import TextConditioning
from sdxl_reg.diffusion.loss import (
    debiased_weights,
    denoising_loss,
    elementwise_loss,
    huber_threshold,
    masked,
    min_snr_weights,
    v_as_epsilon_weights,
)
from sdxl_reg.diffusion.noise import (
    adaptive_offset,
    add_noise,
    multires_noise,
    offset_noise,
    prediction_target,
)
from sdxl_reg.trainers.settings import ObjectiveSettings
from sdxl_reg.training.base import Base


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Pictures of one size with what is said of them.

    Attributes:
        x0: Clean latents, shape (batch, 4, height / 8, width / 8), on the CPU.
        sizes: Shape (batch, 6): SDXL's numbers of size and crop, in pixels.
        mask: Shape (batch, 1, height / 8, width / 8), in 0 … 1; None where all parts count.
        weights: Shape (batch,): how each picture counts.
        captions: One a row.
        names: Of the pictures, for messages.
    """

    x0: Tensor
    sizes: Tensor
    mask: Tensor | None
    weights: Tensor
    captions: tuple[str, ...]
    names: tuple[str, ...]


def batch_loss(
    base: Base,
    batch: Batch,
    text: TextConditioning,
    config: ObjectiveSettings,
    generator: torch.Generator,
) -> Tensor:
    """The training loss of a batch at random noise and timesteps; a scalar ≥ 0.

    Args:
        base: Whose U-Net is asked.
        batch: The pictures.
        text: Their encoded captions.
        config: Noise, timesteps and how errors count.
        generator: Of the step, on the CPU: everything random here comes from it.
    """
    x0 = batch.x0
    eps = _noise(x0, config, generator)
    t = torch.randint(config.min_timestep, config.max_timestep, x0.shape[:1], generator=generator)
    abar = base.abar[t]
    perturbed = eps
    if config.ip_noise_gamma:
        perturbed = eps + config.ip_noise_gamma * torch.randn(x0.shape, generator=generator)
    prediction = predicted(base, add_noise(x0, perturbed, abar), t, text, batch.sizes)
    target = prediction_target(x0, eps, abar, prediction_type=base.prediction_type)
    threshold = None
    if config.loss_type in ("huber", "smooth_l1"):
        threshold = huber_threshold(
            abar, t, schedule=config.huber_schedule, c=config.huber_c, scale=config.huber_scale
        )
    errors = elementwise_loss(
        prediction, target.to(prediction.device), loss_type=config.loss_type, threshold=threshold
    )
    if batch.mask is not None:
        errors = masked(errors, batch.mask)
    return denoising_loss(errors, batch.weights * _weights(abar, base.prediction_type, config))


def predicted(base: Base, x_t: Tensor, t: Tensor, text: TextConditioning, sizes: Tensor) -> Tensor:
    """What the U-Net says of noisy latents.

    Args:
        base: Whose U-Net is asked.
        x_t: Shape (batch, 4, height, width).
        t: Shape (batch,).
        text: Of as many rows.
        sizes: Shape (batch, 6), in pixels.

    Returns:
        Same shape as `x_t`, on the base's device.
    """
    with base.autocast():
        said: Tensor = base.pipeline.unet(
            x_t.to(base.device, base.pipeline.unet.dtype),
            t.to(base.device),
            encoder_hidden_states=text.context,
            added_cond_kwargs={"text_embeds": text.pooled, "time_ids": sizes.to(base.device)},
            return_dict=False,
        )[0]
    return said


def _noise(x0: Tensor, config: ObjectiveSettings, generator: torch.Generator) -> Tensor:
    eps = torch.randn(x0.shape, generator=generator)
    if config.adaptive_noise_scale:
        strength = adaptive_offset(x0, config.noise_offset, config.adaptive_noise_scale)
        eps = offset_noise(eps, strength, generator)
    elif config.noise_offset:
        eps = offset_noise(eps, config.noise_offset, generator)
    if config.multires_noise_iterations:
        eps = multires_noise(
            eps,
            iterations=config.multires_noise_iterations,
            discount=config.multires_noise_discount,
            generator=generator,
        )
    return eps


def _weights(abar: Tensor, prediction_type: str, config: ObjectiveSettings) -> Tensor:
    weights = torch.ones_like(abar)
    if config.min_snr_gamma:
        weights = weights * min_snr_weights(
            abar, config.min_snr_gamma, prediction_type=prediction_type
        )
    if config.debiased_estimation_loss:
        weights = weights * debiased_weights(abar, prediction_type=prediction_type)
    if config.scale_v_pred_loss_like_noise_pred and prediction_type == "v_prediction":
        weights = weights * v_as_epsilon_weights(abar)
    return weights
