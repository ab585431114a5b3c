"""The forward process: what is added to latents, and what the U-Net has to predict.

Symbols as in Ho et al. 2020, arXiv:2006.11239: x0 clean latents, eps noise, abar_t the product of
1 - beta up to step t. v-prediction: Salimans and Ho 2022, arXiv:2202.00512.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

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


def offset_noise(eps: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    """Noise whose channels' means move too, so that very dark and very bright pictures are learnt.

    Args:
        eps: Shape (batch, channels, height, width).
        strength: 0 returns eps itself; practice is 0.05 to 0.1.
        generator: On the CPU.

    Source: N. Guttenberg 2023, "Diffusion with offset noise".
    """
    if strength == 0:
        return eps
    shift = torch.randn(eps.shape[0], eps.shape[1], 1, 1, generator=generator)
    return eps + strength * shift.to(eps)


def _per_row(values: Tensor, like: Tensor) -> Tensor:
    return values.to(like).reshape(-1, *[1] * (like.ndim - 1))
