"""From prompts to pictures, one function a step: encode, noise, denoise, decode.

The steps are those of diffusers' `StableDiffusionXLPipeline.__call__`, taken apart so that every
row of a batch can have its own noise, prompt and adapter strength.

Source: Podell et al. 2023, "SDXL" (arXiv:2307.01952); guidance: Ho and Salimans 2022
(arXiv:2207.12598).
Accuracy: latents equal those of the plain pipeline for the same noise to 1e-5 (float32, CPU); held
by tests/registry/diffusion/test_sampling.py.
"""

import warnings
from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image

from sdxl_reg.diffusion.conditioning import TextConditioning, encode_prompts, size_ids
from sdxl_reg.diffusion.pipeline import diffusers
from sdxl_reg.errors import UnknownName
from sdxl_reg.vocabulary import Sampler

SCHEDULERS: dict[Sampler, tuple[type[Any], dict[str, Any]]] = {
    Sampler.EULER: (diffusers.EulerDiscreteScheduler, {}),
    Sampler.EULER_ANCESTRAL: (diffusers.EulerAncestralDiscreteScheduler, {}),
    Sampler.DPMPP_2M: (
        diffusers.DPMSolverMultistepScheduler,
        {"algorithm_type": "dpmsolver++", "solver_order": 2},
    ),
    Sampler.DDIM: (diffusers.DDIMScheduler, {"clip_sample": False, "set_alpha_to_one": False}),
}
"""A1111's name → diffusers' scheduler and what sets it apart from the base's own settings."""


def make_scheduler(name: str, config: Any) -> Any:
    """A scheduler for one run of sampling.

    Args:
        name: One of `Sampler`, in any letter case.
        config: The configuration of the base's own scheduler; its noise schedule is kept.

    Returns:
        A diffusers scheduler without timesteps yet.

    Raises:
        UnknownName: There is no such sampler.
    """
    by_key = {sampler.value.casefold(): sampler for sampler in SCHEDULERS}
    if name.casefold() not in by_key:
        raise UnknownName("sampler", name, [sampler.value for sampler in SCHEDULERS])
    scheduler, settings = SCHEDULERS[by_key[name.casefold()]]
    known = scheduler().config.keys()
    own = {key: value for key, value in dict(config).items() if key in known}
    return scheduler.from_config(own | settings)


@torch.no_grad()
def encode_negative(pipeline: Any, prompt: str, like: TextConditioning) -> TextConditioning:
    """The conditioning that guidance leads away from, for every row.

    Args:
        pipeline: A `StableDiffusionXLPipeline`.
        prompt: One text for all rows. An empty one becomes zeros where the base says so
            (`force_zeros_for_empty_prompt`, true of SDXL), as in diffusers.
        like: The conditioning of the rows' prompts.

    Returns:
        A conditioning of the same shapes.
    """
    if not prompt and pipeline.config.force_zeros_for_empty_prompt:
        return TextConditioning(
            context=torch.zeros_like(like.context), pooled=torch.zeros_like(like.pooled)
        )
    return encode_prompts(pipeline, [prompt] * len(like.context))


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


def time_ids(rows: int, *, width: int, height: int, like: torch.Tensor) -> torch.Tensor:
    """SDXL's size conditioning: original size, crop corner, target size; (rows, 6).

    A picture is asked for as one that was never resized or cropped.
    """
    values = size_ids((height, width), (0, 0), (height, width))
    return torch.tensor([values] * rows, dtype=like.dtype, device=like.device)


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
) -> torch.Tensor:
    """Latents of pictures.

    Args:
        pipeline: A `StableDiffusionXLPipeline`.
        scheduler: From `make_scheduler`.
        noise: From `initial_noise`; (N, channels, h, w).
        prompts: Conditioning of the N prompts.
        negative: Of what to lead away from, or None to go without guidance.
        guidance_scale: w of `uncond + w · (cond − uncond)`; only used with `negative`.
        num_inference_steps: ≥ 1.
        generators: One a row, for samplers that add noise on the way.

    Returns:
        Latents of the same shape, scaled as the U-Net sees them.
    """
    device = noise.device
    _set_timesteps(scheduler, num_inference_steps, device)
    context, pooled, copies = prompts.context, prompts.pooled, 1
    if negative is not None:
        context = torch.cat([negative.context, context])
        pooled, copies = torch.cat([negative.pooled, pooled]), 2
    factor = pipeline.vae_scale_factor
    height, width = noise.shape[-2] * factor, noise.shape[-1] * factor
    added = {
        "text_embeds": pooled.to(device, noise.dtype),
        "time_ids": time_ids(len(pooled), width=width, height=height, like=noise),
    }
    latents: torch.Tensor = noise * scheduler.init_noise_sigma
    for t in scheduler.timesteps:
        prediction = pipeline.unet(
            scheduler.scale_model_input(torch.cat([latents] * copies), t),
            t,
            encoder_hidden_states=context.to(device, noise.dtype),
            added_cond_kwargs=added,
            return_dict=False,
        )[0]
        if negative is not None:
            uncond, cond = prediction.chunk(2)
            prediction = uncond + guidance_scale * (cond - uncond)
        latents = scheduler.step(prediction, t, latents, generator=generators, return_dict=False)[0]
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


_WITH_NOISE = (diffusers.EulerAncestralDiscreteScheduler,)


def _set_timesteps(scheduler: Any, num_inference_steps: int, device: torch.device) -> None:
    with warnings.catch_warnings():
        # diffusers hands tensors to numpy in a way that numpy 2 warns of
        warnings.filterwarnings("ignore", message="__array__", category=DeprecationWarning)
        scheduler.set_timesteps(num_inference_steps, device=device)
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(0)
