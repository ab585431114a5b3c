"""One way to draw for the tests of this folder, by ours and by diffusers' own pipelines."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from sdxl_reg.diffusion.conditioning import TextConditioning, encode_prompts, together
from sdxl_reg.diffusion.sampling import (
    denoise,
    initial_noise,
    make_generators,
    make_scheduler,
)
from sdxl_reg.diffusion.texts import encode_negatives
from sdxl_reg.vocabulary import Schedule

PROMPTS = ["a red mug", "a blue shoe"]
SEEDS = [5, 6]
SIDE = 64
SCALE = 5.0


def conditions(
    pipeline: Any, prompts: Sequence[str] = PROMPTS, negative: str = "spot"
) -> tuple[TextConditioning, TextConditioning]:
    with torch.no_grad():
        text = encode_prompts(pipeline, prompts)
        return text, together(encode_negatives(pipeline, [(negative, "")] * len(text.context)))


def ours(
    pipeline: Any,
    sampler: str = "Euler",
    *,
    config: Any = None,
    schedule: Schedule = Schedule.AUTOMATIC,
    prompts: Sequence[str] = PROMPTS,
    seeds: Sequence[int] = SEEDS,
    steps: int = 4,
    **more: Any,
) -> Tensor:
    generators = make_generators(seeds)
    noise = initial_noise(pipeline, generators, width=SIDE, height=SIDE)
    told = more.pop("told", None)
    text, negative = told or conditions(pipeline, prompts)
    return denoise(
        pipeline,
        make_scheduler(sampler, config or pipeline.scheduler.config, schedule=schedule),
        noise,
        **{
            "prompts": text,
            "negative": negative,
            "guidance_scale": SCALE,
            "num_inference_steps": steps,
            "generators": generators,
            **more,
        },
    )


def theirs(
    kind: Any,
    pipeline: Any,
    sampler: str = "Euler",
    *,
    config: Any = None,
    schedule: Schedule = Schedule.AUTOMATIC,
    steps: int = 4,
    **more: Any,
) -> Tensor:
    """Latents of a pipeline class of diffusers made of the same parts."""
    made = kind(**{**pipeline.components, "scheduler": None}, add_watermarker=False)
    made.set_progress_bar_config(disable=True)
    made.scheduler = make_scheduler(sampler, config or pipeline.scheduler.config, schedule=schedule)
    found: Tensor = made(
        **{
            "prompt": PROMPTS,
            "negative_prompt": ["spot"] * len(PROMPTS),
            "num_inference_steps": steps,
            "guidance_scale": SCALE,
            "generator": make_generators(SEEDS),
            "output_type": "latent",
            **more,
        }
    ).images
    return found
