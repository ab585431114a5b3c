"""Latents that grow, and the second pass of a hires fix against diffusers' own."""

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import StableDiffusionXLImg2ImgPipeline
from PIL import Image
from torch.nn import functional

from sdxl_reg.diffusion.pictures import encode_pictures
from sdxl_reg.diffusion.pipeline import load_pipeline
from sdxl_reg.diffusion.sampling import (
    decode,
    denoise,
    initial_noise,
    make_generators,
    make_scheduler,
    to_images,
)
from sdxl_reg.diffusion.stages import Start, schedule_length
from sdxl_reg.diffusion.upscaling import LATENT_MODES, PIXEL_MODES, upscale
from sdxl_reg.errors import InvalidValue
from sdxl_reg.vocabulary import Upscaler
from tests.registry.diffusion.drawing import SCALE, SEEDS, SIDE, conditions, ours, theirs

TOLERANCE = 1e-5
"""Of the largest value, float32 on the CPU: both do the same operations."""

pytestmark = pytest.mark.filterwarnings("ignore:__array:DeprecationWarning")  # numpy 2


@pytest.fixture(scope="module")
def pipeline(tiny_base: Path) -> Any:
    return load_pipeline(tiny_base)


@pytest.fixture(scope="module")
def latents(pipeline: Any) -> torch.Tensor:
    return ours(pipeline)


def test_every_upscaler_works_on_latents_or_on_pixels() -> None:
    assert {*LATENT_MODES, *PIXEL_MODES} == {*Upscaler}
    assert {upscaler for upscaler in Upscaler if upscaler.is_latent} == {*LATENT_MODES}


def test_latent_is_bilinear_between_the_middles_of_pixels(pipeline: Any) -> None:
    row = torch.tensor([0.0, 1.0, 2.0, 3.0]).expand(1, 4, 2, 4)
    found = upscale(pipeline, row, Upscaler.LATENT, width=64, height=16)
    wanted = [0.0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3.0]
    torch.testing.assert_close(found[0, 0, 0], torch.tensor(wanted))
    nearest = upscale(pipeline, row, Upscaler.LATENT_NEAREST, width=64, height=16)
    assert nearest[0, 0, 0].tolist() == [0, 0, 1, 1, 2, 2, 3, 3]


@pytest.mark.parametrize("upscaler", Upscaler)
def test_upscaled_latents_have_the_asked_size_and_differ_by_upscaler(
    pipeline: Any, latents: torch.Tensor, upscaler: Upscaler
) -> None:
    found = upscale(pipeline, latents, upscaler, width=96, height=80)
    assert found.shape == (2, 4, 10, 12)
    same_size = upscale(pipeline, latents, upscaler, width=SIDE, height=SIDE)
    if upscaler.is_latent:
        torch.testing.assert_close(same_size, latents, atol=1e-6, rtol=1e-6)
    plain = functional.interpolate(latents, size=(10, 12), mode="bilinear")
    # antialiasing changes nothing where pictures grow, up to rounding
    bilinear = upscaler in (Upscaler.LATENT, Upscaler.LATENT_ANTIALIASED)
    assert torch.allclose(found, plain, atol=1e-5) is bilinear


def test_pixels_grow_as_pillow_has_it(pipeline: Any, latents: torch.Tensor) -> None:
    pictures = to_images(decode(pipeline, latents))
    wanted = [picture.resize((96, 96), Image.Resampling.LANCZOS) for picture in pictures]
    found = upscale(pipeline, latents, Upscaler.LANCZOS, width=96, height=96)
    assert torch.equal(found, encode_pictures(pipeline, wanted))


@pytest.mark.parametrize("size", [(70, 64), (64, 0)])
def test_a_size_between_latents_is_refused(
    pipeline: Any, latents: torch.Tensor, size: tuple[int, int]
) -> None:
    with pytest.raises(InvalidValue, match="larger picture"):
        upscale(pipeline, latents, Upscaler.LATENT, width=size[0], height=size[1])


@pytest.mark.parametrize("upscaler", [Upscaler.LATENT, Upscaler.LANCZOS])
def test_the_second_pass_is_that_of_the_plain_pipeline(
    pipeline: Any, latents: torch.Tensor, upscaler: Upscaler
) -> None:
    strength, steps = 0.6, 3
    larger = upscale(pipeline, latents, upscaler, width=96, height=96)
    generators = make_generators(SEEDS)
    text, negative = conditions(pipeline)
    whole = schedule_length(steps, strength)
    told: list[int] = []
    found = denoise(
        pipeline,
        make_scheduler("Euler", pipeline.scheduler.config),
        initial_noise(pipeline, generators, width=96, height=96),
        prompts=text,
        negative=negative,
        guidance_scale=SCALE,
        num_inference_steps=whole,
        generators=generators,
        start=Start(latents=larger, denoising_strength=strength),
        on_step=lambda done, _: told.append(done),
    )
    wanted = theirs(
        StableDiffusionXLImg2ImgPipeline, pipeline, image=larger, strength=strength, steps=whole
    )
    assert (found - wanted).abs().max() / wanted.abs().max() <= TOLERANCE
    assert told == [1, 2, 3]
