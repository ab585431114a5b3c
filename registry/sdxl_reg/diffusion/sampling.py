"""From prompts to pictures, one function a step: encode, noise, denoise, decode.

The steps are those of diffusers' `StableDiffusionXLPipeline.__call__`, taken apart so that every
row of a batch can have its own noise, prompt and adapter strength.

Source: Podell et al. 2023, "SDXL" (arXiv:2307.01952); guidance: Ho and Salimans 2022
(arXiv:2207.12598).
Accuracy: latents equal those of the plain pipeline for the same noise to 1e-5 (float32, CPU); held
by tests/registry/diffusion/test_sampling.py.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from PIL import Image

from sdxl_reg.diffusion.conditioning import TextConditioning
from sdxl_reg.diffusion.guidance import Guidance, predictor
from sdxl_reg.diffusion.samplers import make_scheduler, set_timesteps, step_function
from sdxl_reg.diffusion.stages import (
    Handover,
    Start,
    begin_at,
    first_latents,
    kept_outside,
    switch_index,
)

__all__ = [
    "decode",
    "denoise",
    "initial_noise",
    "make_generators",
    "make_scheduler",
    "to_images",
]


def make_generators(seeds: Sequence[int]) -> list[torch.Generator]:
    """One generator a row, on the CPU: noise depends on the seed and on nothing else."""
    return [torch.Generator("cpu").manual_seed(seed) for seed in seeds]


def initial_noise(
    pipeline: Any, generators: Sequence[torch.Generator], *, width: int, height: int
) -> torch.Tensor:
    """Unit normal noise, each row from its own generator.

    Args:
        pipeline: A `StableDiffusionXLPipeline`; gives channels, device and precision.
        generators: One a row.
        width: Of the picture, in pixels.
        height: Of the picture, in pixels.

    Returns:
        Noise of shape (N, channels, height / factor, width / factor).
    """
    factor = pipeline.vae_scale_factor
    shape = (1, pipeline.unet.config.in_channels, height // factor, width // factor)
    rows = [torch.randn(shape, generator=generator) for generator in generators]
    return torch.cat(rows).to(pipeline.unet.device, pipeline.unet.dtype)


@torch.no_grad()
def denoise(
    pipeline: Any,
    scheduler: Any,
    noise: torch.Tensor,
    *,
    prompts: TextConditioning,
    negative: TextConditioning | None,
    guidance_scale: float,
    num_inference_steps: int,
    generators: list[torch.Generator],
    guidance_rescale: float = 0.0,
    start: Start | None = None,
    handover: Handover | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> torch.Tensor:
    """Latents of pictures.

    Args:
        pipeline: A `StableDiffusionXLPipeline`.
        scheduler: From `make_scheduler`.
        noise: From `initial_noise`; (N, channels, h, w).
        prompts: Conditioning of the N prompts.
        negative: Of what to lead away from, or None to go without guidance. Its context may be
            longer or shorter than the prompts'.
        guidance_scale: w of `uncond + w · (cond − uncond)`; only used with `negative`.
        num_inference_steps: ≥ 1, of the whole way from noise; a start in the middle runs the rest.
        generators: One a row, for samplers that add noise on the way.
        guidance_rescale: 0 … 1; see `guidance.rescaled`.
        start: What to begin with instead of noise alone.
        handover: Who goes on after a share of the steps.
        on_step: Is told after each call of the U-Net how many are done, and of how many.

    Returns:
        Latents of the same shape, scaled as the U-Net sees them.

    Raises:
        InvalidValue: The sampler cannot run so many steps, nothing of them is left after the
            start, or the conditioning is for another number of rows.
    """
    set_timesteps(scheduler, num_inference_steps, noise.device)
    begin = 0 if start is None else begin_at(scheduler, start, num_inference_steps)
    own = Guidance(
        prompts=prompts, negative=negative, scale=guidance_scale, rescale=guidance_rescale
    )
    predict = predictor(pipeline, own, noise)
    refine, switch = predict, len(scheduler.timesteps)
    if handover is not None:
        switch = switch_index(scheduler, handover, num_inference_steps)
        refine = predictor(handover.pipeline, handover.guidance, noise)
    step = step_function(scheduler, generators)
    timesteps = scheduler.timesteps[begin:]
    latents = first_latents(scheduler, noise, start, begin=begin)
    for number, t in enumerate(timesteps, start=1):
        told = scheduler.scale_model_input(latents, t)
        who = predict if begin + number <= switch else refine
        latents = step(who(told, t), t, latents)
        if start is not None and start.mask is not None:
            latents = kept_outside(scheduler, latents, noise, start, timesteps[number:])
        if on_step is not None:
            on_step(number, len(timesteps))
    return latents.to(noise.dtype)


@torch.no_grad()
def decode(pipeline: Any, latents: torch.Tensor) -> torch.Tensor:
    """Pictures of latents, in the VAE's precision.

    Returns:
        Values in [0, 1], shape (N, 3, height, width), on the CPU.
    """
    vae = pipeline.vae
    scaled = latents.to(vae.dtype) / vae.config.scaling_factor
    pictures: torch.Tensor = vae.decode(scaled, return_dict=False)[0]
    return (pictures / 2 + 0.5).clamp(0, 1).float().cpu()


def to_images(pictures: torch.Tensor) -> list[Image.Image]:
    """Eight-bit RGB pictures of values in [0, 1]."""
    pixels = (pictures * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    return [Image.fromarray(row) for row in pixels]
