"""Where a drawing starts, what of it is kept, and when a refiner takes over.

Source: Meng et al. 2021, arXiv:2108.01073 (a start in the middle); Avrahami et al. 2022,
arXiv:2206.02779 (blending latents); Podell et al. 2023, arXiv:2307.01952, section 2.5 (refiner);
diffusers' `StableDiffusionXLImg2ImgPipeline` and `StableDiffusionXLInpaintPipeline`.
Accuracy: latents equal those of these pipelines to 1e-5 (float32, CPU); held by
tests/registry/diffusion/test_stages.py.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sdxl_reg.diffusion.guidance import Guidance
from sdxl_reg.errors import InvalidValue

_ROUNDING = 1e-9
"""In binary 0.29 · 100 is a little less than 29, which diffusers makes 28 steps of."""


@dataclass(frozen=True, kw_only=True)
class Start:
    """Begin with a picture instead of noise alone.

    Attributes:
        latents: Of the picture, scaled, shape (N, channels, h, w) or (1, …) for all rows.
        denoising_strength: Share of the steps that are run, above 0 and at most 1.
        mask: What is drawn anew (1) and what is kept (0), shape (N or 1, 1, h, w); None: all is
            drawn anew.
    """

    latents: Tensor
    denoising_strength: float
    mask: Tensor | None = None


@dataclass(frozen=True, kw_only=True)
class Handover:
    """Another U-Net goes on with the same latents and the same state of the scheduler.

    Attributes:
        pipeline: A refiner from `refiner.load_refiner`, or any SDXL base.
        guidance: Its own conditioning of the same rows.
        switch_at: Share of the steps after which it takes over, 0 … 1: 1 is never. With a start
            in the middle it counts from where noise alone would start.
    """

    pipeline: Any
    guidance: Guidance
    switch_at: float


def schedule_length(steps: int, denoising_strength: float) -> int:
    """How many steps to lay out so that so many are run.

    A1111 counts hires steps this way: ten of them at a strength of 0.5 are the last ten of twenty.

    Args:
        steps: To be run, ≥ 1.
        denoising_strength: Share of the steps that are run.

    Raises:
        InvalidValue: The strength is not above 0 and at most 1.
    """
    return math.ceil(steps / _checked_strength(denoising_strength) - _ROUNDING)


def begin_at(scheduler: Any, start: Start, num_inference_steps: int) -> int:
    """The place in the timesteps where a start in the middle begins; the scheduler is set there.

    Args:
        scheduler: With timesteps.
        start: Says how much of the way is left.
        num_inference_steps: Of the whole way.

    Raises:
        InvalidValue: The strength is out of range, or no step is left.
    """
    strength = _checked_strength(start.denoising_strength)
    run = min(int(num_inference_steps * strength + _ROUNDING), num_inference_steps)
    if run < 1:
        raise InvalidValue(
            "denoising strength",
            strength,
            remedy=f"With {num_inference_steps} steps give at least {1 / num_inference_steps:.3g}",
        )
    begin: int = (num_inference_steps - run) * scheduler.order
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(begin)
    return begin


def first_latents(scheduler: Any, noise: Tensor, start: Start | None, *, begin: int) -> Tensor:
    """What the first step is given.

    A masked picture drawn anew from the first step on starts from noise alone, as in diffusers.

    Args:
        scheduler: With timesteps, set to where it begins.
        noise: Unit normal, shape (N, channels, h, w).
        start: The picture, or None.
        begin: From `begin_at`.

    Returns:
        Shape of `noise`.
    """
    if start is None or (start.mask is not None and start.denoising_strength >= 1):
        scaled: Tensor = noise * scheduler.init_noise_sigma
        return scaled
    latents = start.latents.to(noise).expand_as(noise)
    first = scheduler.timesteps[begin : begin + 1].repeat(len(noise))
    noisy: Tensor = scheduler.add_noise(latents, noise, first)
    return noisy


def kept_outside(
    scheduler: Any, latents: Tensor, noise: Tensor, start: Start, left: Tensor
) -> Tensor:
    """Latents with what is kept put back, as noisy as the rest.

    Args:
        scheduler: After a step.
        latents: After that step, shape (N, channels, h, w).
        noise: That everything started with.
        start: With a mask.
        left: The timesteps that are still to come; none: without noise.
    """
    kept = start.latents.to(noise).expand_as(noise)
    if len(left):
        kept = scheduler.add_noise(kept, noise, left[:1])
    mask = torch.ones(1) if start.mask is None else start.mask
    mask = mask.to(noise)
    return (1 - mask) * kept + mask * latents


def switch_index(scheduler: Any, handover: Handover, num_inference_steps: int) -> int:
    """How many timesteps are the first U-Net's.

    Args:
        scheduler: With timesteps; a step of second order has two of them.
        handover: Says after which share of the steps.
        num_inference_steps: Of the whole way.

    Raises:
        InvalidValue: The share is not 0 … 1.
    """
    share = handover.switch_at
    if not 0 <= share <= 1:
        raise InvalidValue("refiner switch", share, remedy="Give a share of the steps, 0 to 1")
    steps: int = math.ceil(num_inference_steps * share - _ROUNDING) * scheduler.order
    return steps


def _checked_strength(strength: float) -> float:
    if not 0 < strength <= 1:
        raise InvalidValue("denoising strength", strength, remedy="Give more than 0, at most 1")
    return strength
