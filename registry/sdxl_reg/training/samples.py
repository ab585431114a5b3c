"""Pictures drawn while training, by the same sampler as the cells of a grid."""

import hashlib
from pathlib import Path
from typing import Any

from PIL import Image

from sdxl_reg.diffusion.conditioning import together
from sdxl_reg.diffusion.sampling import (
    decode,
    denoise,
    initial_noise,
    make_generators,
    make_scheduler,
    to_images,
)
from sdxl_reg.diffusion.texts import encode_negatives, encode_texts
from sdxl_reg.formats.png_parameters import GenerationParameters, write_png
from sdxl_reg.trainers.settings import DenoisingConfig
from sdxl_reg.training.base import Base
from sdxl_reg.vocabulary import Sampler

SAMPLER = Sampler.EULER


def drawn(base: Base, config: DenoisingConfig, prompt: str, *, seed: int) -> Image.Image:
    """A picture of a prompt, as the base draws at this moment.

    Args:
        base: Draws a square of its native size.
        config: Steps and guidance.
        prompt: What is asked for, with emphasis as A1111 writes it.
        seed: Of the noise.
    """
    pipeline = base.pipeline
    generators = make_generators([seed])
    noise = initial_noise(pipeline, generators, width=base.native, height=base.native)
    with base.autocast():
        text = together(encode_texts(pipeline, [(prompt, "")]))
        guided = config.sample_guidance_scale > 1
        latents = denoise(
            pipeline,
            make_scheduler(SAMPLER, _scheduler_config(base, config)),
            noise,
            prompts=text,
            negative=together(encode_negatives(pipeline, [("", "")])) if guided else None,
            guidance_scale=config.sample_guidance_scale,
            num_inference_steps=config.sample_steps,
            generators=generators,
        )
    return to_images(decode(pipeline, latents))[0]


def save_sample(
    base: Base,
    config: DenoisingConfig,
    prompt: str,
    path: Path,
    *,
    seed: int,
    details: dict[str, Any],
) -> Path:
    """Draw a picture and write it as PNG that says how it was made.

    Args:
        base: Draws it.
        config: Steps and guidance.
        prompt: What is asked for.
        path: Of the file.
        seed: Of the noise.
        details: More for our own chunk of the file.

    Returns:
        The path.
    """
    settings = {
        "Steps": str(config.sample_steps),
        "Sampler": str(SAMPLER),
        "CFG scale": f"{config.sample_guidance_scale:g}",
        "Seed": str(seed),
        "Size": f"{base.native}x{base.native}",
    }
    parameters = GenerationParameters(prompt=prompt, settings=settings)
    picture = drawn(base, config, prompt, seed=seed)
    write_png(picture, path, parameters=parameters, details={"prompt": prompt, **details})
    return path


def sample_name(step: int, prompt: str) -> str:
    """The file name of a sample picture: the same for the same step and prompt."""
    return f"sample-{step:08d}-{hashlib.sha256(prompt.encode()).hexdigest()[:8]}.png"


def _scheduler_config(base: Base, config: DenoisingConfig) -> dict[str, Any]:
    return {
        **base.pipeline.scheduler.config,
        "prediction_type": base.prediction_type,
        "rescale_betas_zero_snr": config.zero_terminal_snr,
    }
