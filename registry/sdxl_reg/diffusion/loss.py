"""The training loss of a denoiser."""

import torch
from torch import Tensor


def denoising_loss(prediction: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean squared error; a scalar ≥ 0.

    Args:
        prediction: Shape (batch, channels, height, width).
        target: Same shape.
        weights: Shape (batch,), one a row.
    """
    per_row = (prediction.float() - target.float()).square().flatten(1).mean(1)
    return (per_row * weights.to(per_row)).mean()


def min_snr_weights(abar: Tensor, gamma: float | None, *, prediction_type: str) -> Tensor:
    """Weights that keep easy timesteps from dominating; ones without a gamma.

    Args:
        abar: Shape (batch,), at each row's timestep.
        gamma: Largest signal-to-noise ratio that counts in full; the paper's choice is 5.
        prediction_type: `epsilon` or `v_prediction`.

    Returns:
        Shape (batch,), in 0 … 1.

    Source: Hang et al. 2023, arXiv:2303.09556, section 3.4: min(SNR, gamma) / SNR for epsilon,
        min(SNR, gamma) / (SNR + 1) for v.
    """
    if gamma is None:
        return torch.ones_like(abar)
    snr = abar / (1 - abar)
    divisor = snr + 1 if prediction_type == "v_prediction" else snr
    return snr.clamp(max=gamma) / divisor


def debiased_weights(abar: Tensor, *, prediction_type: str) -> Tensor:
    """Weights that let the noisiest timesteps count, at which a picture's colours and layout form.

    Args:
        abar: Shape (batch,), at each row's timestep.
        prediction_type: `epsilon` or `v_prediction`.

    Returns:
        Shape (batch,), > 0; about 15 at the last timestep of SDXL's schedule for epsilon.

    Source: Yu et al. 2023, arXiv:2310.08442: 1 / sqrt(SNR) for epsilon; as in sd-scripts
        (`--debiased_estimation_loss`) the SNR counts up to 1000, and v is weighted 1 / (SNR + 1).
    """
    snr = (abar / (1 - abar)).clamp(max=1000)
    return 1 / (snr + 1) if prediction_type == "v_prediction" else snr.rsqrt()
