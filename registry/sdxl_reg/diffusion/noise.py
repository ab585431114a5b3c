"""The forward process: what is added to latents, and what the U-Net has to predict.

Symbols as in Ho et al. 2020, arXiv:2006.11239: x0 clean latents, eps noise, abar_t the product of
1 - beta up to step t. v-prediction: Salimans and Ho 2022, arXiv:2202.00512.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from sdxl_reg.errors import InvalidValue


def alphas_cumprod(scheduler_config: Any) -> Tensor:
    """abar_t of a base's training schedule.

    Args:
        scheduler_config: Of any diffusers scheduler of the base.

    Returns:
        Shape (training steps,), float32, falling from nearly 1 to nearly 0.
    """
    from diffusers import DDPMScheduler

    values: Tensor = DDPMScheduler.from_config(scheduler_config).alphas_cumprod
    return values


def zero_terminal_snr(abar: Tensor) -> Tensor:
    """A noise schedule rescaled so that its last step is pure noise.

    Args:
        abar: Shape (training steps,), falling.

    Returns:
        Same shape; the first value is kept, the last one is 0.

    Source: Lin et al. 2023, arXiv:2305.08891, algorithm 1.
    """
    root = abar.double().sqrt()
    return ((root - root[-1]) * root[0] / (root[0] - root[-1])).square().to(abar.dtype)


def add_noise(x0: Tensor, eps: Tensor, abar: Tensor) -> Tensor:
    """x_t = sqrt(abar_t) x0 + sqrt(1 - abar_t) eps (Ho et al. 2020, equation 4).

    Args:
        x0: Shape (batch, channels, height, width).
        eps: Same shape.
        abar: Shape (batch,), at each row's timestep.
    """
    abar = _per_row(abar, x0)
    return abar.sqrt() * x0 + (1 - abar).sqrt() * eps


def prediction_target(x0: Tensor, eps: Tensor, abar: Tensor, *, prediction_type: str) -> Tensor:
    """What the U-Net should say for noisy latents.

    Args:
        x0: Shape (batch, channels, height, width).
        eps: Same shape.
        abar: Shape (batch,).
        prediction_type: `epsilon` or `v_prediction`, as the base's scheduler says.

    Returns:
        eps, or v = sqrt(abar_t) eps - sqrt(1 - abar_t) x0.

    Raises:
        InvalidValue: Another prediction type.
    """
    if prediction_type == "epsilon":
        return eps
    if prediction_type == "v_prediction":
        abar = _per_row(abar, x0)
        return abar.sqrt() * eps - (1 - abar).sqrt() * x0
    raise InvalidValue(
        "prediction type of the base", prediction_type, remedy="Use epsilon or v_prediction"
    )


def seeded(seed: int, *stream: int) -> torch.Generator:
    """A generator on the CPU of its own for each stream of a seed, such as a training step.

    Numbers drawn for one step do not depend on what other steps drew, so a run can be taken up in
    the middle.
    """
    state = np.random.SeedSequence((seed, *stream)).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state[0]) >> 1)


def offset_noise(eps: Tensor, strength: float | Tensor, generator: torch.Generator) -> Tensor:
    """Noise whose channels' means move too, so that very dark and very bright pictures are learnt.

    Args:
        eps: Shape (batch, channels, height, width).
        strength: Practice is 0.05 to 0.1; a tensor gives each row and channel its own, shape
            (batch, channels, 1, 1).
        generator: On the CPU.

    Source: N. Guttenberg 2023, "Diffusion with offset noise".
    """
    shift = torch.randn(eps.shape[0], eps.shape[1], 1, 1, generator=generator)
    return eps + strength * shift.to(eps)


def adaptive_offset(x0: Tensor, strength: float, scale: float) -> Tensor:
    """Strength of offset noise that grows with how bright or dark a channel is.

    Args:
        x0: Shape (batch, channels, height, width).
        strength: Of a channel whose mean is 0.
        scale: How much is added for each unit of the mean's size; may be negative.

    Returns:
        Shape (batch, channels, 1, 1), ≥ 0.

    Source: sd-scripts `--adaptive_noise_scale`.
    """
    return (strength + scale * x0.mean((2, 3), keepdim=True).abs()).clamp(min=0)


def multires_noise(
    eps: Tensor, *, iterations: int, discount: float, generator: torch.Generator
) -> Tensor:
    """Noise of several grains, which teaches large shapes and brightness faster than plain noise.

    Args:
        eps: Shape (batch, channels, height, width).
        iterations: Coarser noises at most; it ends where a side is down to one value.
        discount: Weight of each coarser noise against the one before, 0 … 1.
        generator: On the CPU.

    Returns:
        Same shape, standard deviation 1 over the whole batch.

    Source: J. Whitaker 2023, "Multi-resolution noise for diffusion model training"; the ratio of
        grains is drawn from 2 … 4 as in sd-scripts.
    """
    total = eps.clone()
    size = eps.shape[-2:]
    for level in range(iterations):
        ratio = 2 + 2 * torch.rand((), generator=generator).item()
        height, width = (max(1, int(side / ratio**level)) for side in size)
        coarse = torch.randn(*eps.shape[:2], height, width, generator=generator).to(eps)
        total += discount**level * functional.interpolate(coarse, size=size, mode="bilinear")
        if 1 in (height, width):
            break
    return total / total.std()


def _per_row(values: Tensor, like: Tensor) -> Tensor:
    return values.to(like).reshape(-1, *[1] * (like.ndim - 1))
