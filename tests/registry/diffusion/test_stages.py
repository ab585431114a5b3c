"""Image-to-image, inpainting, rescaled guidance and a refiner, against diffusers' pipelines."""

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import (
    StableDiffusionXLImg2ImgPipeline,
    StableDiffusionXLInpaintPipeline,
    StableDiffusionXLPipeline,
)
from torch import Tensor

from sdxl_reg.diffusion.pipeline import load_pipeline
from sdxl_reg.diffusion.stages import Start, schedule_length
from sdxl_reg.errors import InvalidValue
from sdxl_reg.vocabulary import Sampler
from tests.registry.diffusion.drawing import SIDE, conditions, ours, theirs

TOLERANCE = 1e-5
"""Of the largest value, float32 on the CPU: both do the same operations."""
SHOWS = 1e-3
SAMPLERS = [Sampler.EULER, Sampler.EULER_ANCESTRAL, Sampler.DPMPP_2M, Sampler.DDIM, Sampler.HEUN]

pytestmark = pytest.mark.filterwarnings("ignore:__array:DeprecationWarning")  # numpy 2


@pytest.fixture(scope="module")
def pipeline(tiny_base: Path) -> Any:
    return load_pipeline(tiny_base)


@pytest.fixture(scope="module")
def half(tiny_base: Path) -> Any:
    return load_pipeline(tiny_base, dtype=torch.bfloat16)


@pytest.fixture(scope="module")
def picture() -> Tensor:
    """Latents of two pictures."""
    return torch.randn((2, 4, 8, 8), generator=torch.Generator().manual_seed(1))


def difference(found: Tensor, wanted: Tensor) -> float:
    return float((found - wanted).abs().max() / wanted.abs().max())


@pytest.mark.parametrize("sampler", Sampler)
@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_a_start_in_the_middle_is_that_of_the_plain_pipeline(
    pipeline: Any, picture: Tensor, sampler: Sampler, strength: float
) -> None:
    found = ours(pipeline, sampler, start=Start(latents=picture, denoising_strength=strength))
    wanted = theirs(
        StableDiffusionXLImg2ImgPipeline, pipeline, sampler, image=picture, strength=strength
    )
    assert difference(found, wanted) <= TOLERANCE
    assert difference(found, ours(pipeline, sampler)) > SHOWS


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_inpainting_is_that_of_the_plain_pipeline(
    pipeline: Any, picture: Tensor, sampler: Sampler, strength: float
) -> None:
    mask = torch.zeros(1, 1, 8, 8)
    mask[..., 2:6, 3:] = 1
    found = ours(
        pipeline,
        sampler,
        start=Start(latents=picture, denoising_strength=strength, mask=mask),
    )
    wanted = theirs(
        StableDiffusionXLInpaintPipeline,
        pipeline,
        sampler,
        image=picture,
        mask_image=mask.repeat_interleave(8, -1).repeat_interleave(8, -2),
        strength=strength,
        width=SIDE,
        height=SIDE,
    )
    assert difference(found, wanted) <= TOLERANCE
    kept = (mask == 0).expand_as(found)
    assert torch.equal(found[kept], picture[kept])


@pytest.mark.parametrize("rescale", [0.7, 1.0])
def test_rescaled_guidance_is_that_of_the_plain_pipeline(pipeline: Any, rescale: float) -> None:
    found = ours(pipeline, guidance_rescale=rescale)
    wanted = theirs(
        StableDiffusionXLPipeline, pipeline, guidance_rescale=rescale, width=SIDE, height=SIDE
    )
    assert difference(found, wanted) <= TOLERANCE
    assert difference(found, ours(pipeline)) > SHOWS


@pytest.mark.parametrize("strength", [0.0, -0.5, 1.1, float("nan"), 0.2])
def test_a_strength_that_leaves_no_step_or_is_out_of_range_is_refused(
    pipeline: Any, picture: Tensor, strength: float
) -> None:
    with pytest.raises(InvalidValue, match="denoising strength"):
        ours(pipeline, start=Start(latents=picture, denoising_strength=strength))


@pytest.mark.parametrize("steps", [1, 7, 29])
@pytest.mark.parametrize("strength", [0.1, 0.29, 0.3, 0.7, 1.0])
def test_so_many_steps_are_run_as_were_asked_for(
    pipeline: Any, picture: Tensor, steps: int, strength: float
) -> None:
    whole = schedule_length(steps, strength)
    told: list[tuple[int, int]] = []
    pipeline_steps = min(steps, 7)
    if steps != pipeline_steps:  # the U-Net need not run so often: the number says it
        assert int(whole * strength + 1e-9) == steps
        return
    ours(
        pipeline,
        steps=whole,
        start=Start(latents=picture, denoising_strength=strength),
        on_step=lambda done, total: told.append((done, total)),
    )
    assert told == [(number, steps) for number in range(1, steps + 1)]


def test_one_picture_can_start_every_row(pipeline: Any, picture: Tensor) -> None:
    both = ours(pipeline, start=Start(latents=picture[:1].repeat(2, 1, 1, 1), denoising_strength=1))
    one = ours(pipeline, start=Start(latents=picture[:1], denoising_strength=1))
    assert torch.equal(both, one)


@pytest.mark.parametrize("sampler", Sampler)
def test_everything_stays_in_the_precision_of_the_unet(
    half: Any, picture: Tensor, sampler: Sampler
) -> None:
    mask = torch.ones(1, 1, 8, 8)
    mask[..., :3] = 0
    start = Start(latents=picture, denoising_strength=0.75, mask=mask)
    seen: set[torch.dtype] = set()
    hook = half.unet.register_forward_pre_hook(lambda _, inputs: seen.add(inputs[0].dtype))
    try:
        found = ours(half, sampler, start=start)
    finally:
        hook.remove()
    assert found.dtype == torch.bfloat16
    assert seen == {torch.bfloat16}
    assert torch.isfinite(found).all()


def test_conditioning_of_another_number_of_rows_is_refused(pipeline: Any) -> None:
    text, negative = conditions(pipeline)
    for told in ((text.rows([0]), negative), (text, negative.rows([0, 1, 1]))):
        with pytest.raises(InvalidValue, match="number of prompts"):
            ours(pipeline, told=told)
