"""Sampling against diffusers' own pipeline, and noise that depends on the seed alone."""

from pathlib import Path
from typing import Any

import pytest
import torch

from sdxl_reg.diffusion.conditioning import encode_prompts, together
from sdxl_reg.diffusion.pipeline import load_pipeline
from sdxl_reg.diffusion.sampling import (
    decode,
    denoise,
    initial_noise,
    make_generators,
    make_scheduler,
    to_images,
)
from sdxl_reg.diffusion.texts import encode_negatives

PROMPTS = ["a red mug", "a blue shoe"]
SEEDS = [5, 6]
STEPS = 4
TOLERANCE = 1e-5  # float32 on the CPU; both do the same operations, so usually it is 0


@pytest.fixture(scope="module")
def pipeline(tiny_base: Path) -> Any:
    return load_pipeline(tiny_base)


def _latents(
    pipeline: Any,
    sampler: str = "Euler",
    *,
    prompts: list[str] = PROMPTS,
    seeds: list[int] = SEEDS,
    negative: str | None = "",
) -> torch.Tensor:
    generators = make_generators(seeds)
    noise = initial_noise(pipeline, generators, width=64, height=96)
    with torch.no_grad():
        conditioning = encode_prompts(pipeline, prompts)
    return denoise(
        pipeline,
        make_scheduler(sampler, pipeline.scheduler.config),
        noise,
        prompts=conditioning,
        negative=None
        if negative is None
        else together(encode_negatives(pipeline, [(negative, "")] * len(conditioning.context))),
        guidance_scale=5.0,
        num_inference_steps=STEPS,
        generators=generators,
    )


def _theirs(pipeline: Any, sampler: str, **arguments: Any) -> torch.Tensor:
    before = pipeline.scheduler
    pipeline.scheduler = make_scheduler(sampler, before.config)
    try:
        found: torch.Tensor = pipeline(
            prompt=PROMPTS,
            width=64,
            height=96,
            num_inference_steps=STEPS,
            generator=make_generators(SEEDS),
            output_type="latent",
            **arguments,
        ).images
    finally:
        pipeline.scheduler = before
    return found


@pytest.mark.filterwarnings("ignore:__array:DeprecationWarning")  # diffusers with numpy 2
def test_latents_equal_those_of_the_plain_pipeline(pipeline: Any) -> None:
    theirs = _theirs(pipeline, "Euler", guidance_scale=5.0)  # the others: test_samplers.py
    torch.testing.assert_close(_latents(pipeline), theirs, atol=TOLERANCE, rtol=0)


@pytest.mark.filterwarnings("ignore:__array:DeprecationWarning")
def test_a_negative_prompt_leads_away_as_in_the_plain_pipeline(pipeline: Any) -> None:
    theirs = _theirs(pipeline, "Euler", guidance_scale=5.0, negative_prompt=["spot"] * 2)
    ours = _latents(pipeline, negative="spot")
    torch.testing.assert_close(ours, theirs, atol=TOLERANCE, rtol=0)
    assert not torch.equal(ours, _latents(pipeline))


@pytest.mark.filterwarnings("ignore:__array:DeprecationWarning")
def test_without_guidance_latents_equal_those_of_the_plain_pipeline(pipeline: Any) -> None:
    theirs = _theirs(pipeline, "Euler", guidance_scale=1.0)
    torch.testing.assert_close(_latents(pipeline, negative=None), theirs, atol=TOLERANCE, rtol=0)


@pytest.mark.filterwarnings("ignore:__array:DeprecationWarning")
def test_decoded_pictures_equal_those_of_the_plain_pipeline(pipeline: Any) -> None:
    latents = _latents(pipeline)
    theirs = pipeline(
        prompt=PROMPTS,
        width=64,
        height=96,
        num_inference_steps=STEPS,
        generator=make_generators(SEEDS),
        guidance_scale=5.0,
    ).images
    ours = to_images(decode(pipeline, latents))
    assert [image.size for image in ours] == [(64, 96)] * 2
    assert [image.tobytes() for image in ours] == [image.tobytes() for image in theirs]


@pytest.mark.parametrize("sampler", ["Euler", "Euler a"])
def test_a_picture_does_not_depend_on_its_place_in_the_batch(pipeline: Any, sampler: str) -> None:
    together = _latents(pipeline, sampler)
    alone = _latents(pipeline, sampler, prompts=PROMPTS[1:], seeds=SEEDS[1:])
    # 1e-4: matrix products of another size are summed in another order, four steps long
    torch.testing.assert_close(together[1:], alone, atol=1e-4, rtol=1e-4)


def test_noise_is_that_of_the_seed(pipeline: Any) -> None:
    both = initial_noise(pipeline, make_generators([5, 6]), width=64, height=64)
    other = initial_noise(pipeline, make_generators([6]), width=64, height=64)
    assert torch.equal(both[1], other[0])
    assert both.shape == (2, 4, 8, 8)
