"""The training loss of a denoiser: how errors count, and how timesteps do.

Symbols as in `diffusion.noise`; SNR = abar / (1 - abar).
"""

import math

import torch
from torch import Tensor

from sdxl_reg.errors import UnknownName

LARGEST_SNR = 1000.0
"""The signal-to-noise ratio counts up to this, as in sd-scripts."""


def denoising_loss(errors: Tensor, weights: Tensor) -> Tensor:
    """The weighted mean of errors over a batch; a scalar ≥ 0.

    Args:
        errors: From `elementwise_loss`, shape (batch, channels, height, width).
        weights: Shape (batch,), one a row.
    """
    per_row = errors.flatten(1).mean(1)
    return (per_row * weights.to(per_row)).mean()


def elementwise_loss(
    prediction: Tensor, target: Tensor, *, loss_type: str, threshold: Tensor | None = None
) -> Tensor:
    """How far off each value is.

    Args:
        prediction: Shape (batch, channels, height, width).
        target: Same shape.
        loss_type: `l2`, `l1`, `huber` or `smooth_l1`.
        threshold: Shape (batch,): c of the last two, from `huber_threshold`.

    Returns:
        Same shape, float32, ≥ 0.

    Raises:
        UnknownName: Another loss type.

    Source: huber is the pseudo-Huber loss 2c (sqrt(d² + c²) - c) of Song and Dhariwal 2023,
        arXiv:2310.14189, and smooth_l1 is that without the factor c, as in sd-scripts.
    """
    difference = prediction.float() - target.float()
    if loss_type == "l2":
        return difference.square()
    if loss_type == "l1":
        return difference.abs()
    if loss_type not in ("huber", "smooth_l1") or threshold is None:
        raise UnknownName("loss type", loss_type, ["l2", "l1", "huber", "smooth_l1"])
    c = threshold.to(difference).reshape(-1, 1, 1, 1)
    smooth = 2 * ((difference.square() + c.square()).sqrt() - c)
    return c * smooth if loss_type == "huber" else smooth


def huber_threshold(abar: Tensor, t: Tensor, *, schedule: str, c: float, scale: float) -> Tensor:
    """C of the pseudo-Huber loss, which may shrink as noise grows.

    Args:
        abar: Shape (batch,), at each row's timestep.
        t: Shape (batch,), the timesteps, of 1000.
        schedule: `constant`, `exponential` or `snr`.
        c: The threshold at the noisiest step, 0 … 1.
        scale: Factor of constant and exponential.

    Returns:
        Shape (batch,), float32, > 0.

    Source: Khrapov et al. 2024, arXiv:2403.16728; as in sd-scripts (`--huber_schedule`).
    """
    if schedule == "constant":
        return torch.full(abar.shape, c * scale)
    if schedule == "exponential":
        return scale * torch.exp(math.log(c) / 1000 * t)
    sigma = ((1 - abar) / abar).sqrt()
    return (1 - c) / (1 + sigma).square() + c


def masked(errors: Tensor, mask: Tensor) -> Tensor:
    """Errors that count by a mask.

    Args:
        errors: Shape (batch, channels, height, width).
        mask: Shape (batch, 1, height, width), in 0 … 1.

    Returns:
        Same shape; what is masked out counts as no error, as in sd-scripts.
    """
    return errors * mask.to(errors)


def min_snr_weights(abar: Tensor, gamma: float, *, prediction_type: str) -> Tensor:
    """Weights that keep easy timesteps from dominating.

    Args:
        abar: Shape (batch,), at each row's timestep.
        gamma: Largest signal-to-noise ratio that counts in full; the paper's choice is 5.
        prediction_type: `epsilon` or `v_prediction`.

    Returns:
        Shape (batch,), in 0 … 1.

    Source: Hang et al. 2023, arXiv:2303.09556, section 3.4: min(SNR, gamma) / SNR for epsilon,
        min(SNR, gamma) / (SNR + 1) for v.
    """
    snr = abar / (1 - abar)
    capped = snr.clamp(max=gamma)
    if prediction_type == "v_prediction":
        return capped / (snr + 1)
    return torch.where(snr > gamma, capped / snr, 1.0)  # 1 too at the last step of zero SNR


def debiased_weights(abar: Tensor, *, prediction_type: str) -> Tensor:
    """Weights that let the noisiest timesteps count, at which a picture's colours and layout form.

    Args:
        abar: Shape (batch,), at each row's timestep.
        prediction_type: `epsilon` or `v_prediction`.

    Returns:
        Shape (batch,), > 0; about 15 at the last timestep of SDXL's schedule for epsilon.

    Source: Yu et al. 2023, arXiv:2310.08442: 1 / sqrt(SNR) for epsilon; as in sd-scripts
        (`--debiased_estimation_loss`) v is weighted 1 / (SNR + 1).
    """
    snr = (abar / (1 - abar)).clamp(max=LARGEST_SNR)
    return 1 / (snr + 1) if prediction_type == "v_prediction" else snr.rsqrt()


def v_as_epsilon_weights(abar: Tensor) -> Tensor:
    """Weights by which an error of v counts as the same error of epsilon would.

    Args:
        abar: Shape (batch,), at each row's timestep.

    Returns:
        SNR / (SNR + 1), shape (batch,), in 0 … 1.

    Source: sd-scripts `--scale_v_pred_loss_like_noise_pred`.
    """
    snr = (abar / (1 - abar)).clamp(max=LARGEST_SNR)
    return snr / (snr + 1)
