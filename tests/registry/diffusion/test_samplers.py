"""Every sampler with every schedule: against diffusers' pipeline, and row by row."""

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import StableDiffusionXLPipeline

from sdxl_reg.diffusion.pipeline import load_pipeline
from sdxl_reg.diffusion.samplers import make_scheduler, schedules_of, set_timesteps
from sdxl_reg.errors import InvalidValue, UnknownName
from sdxl_reg.vocabulary import Sampler, Schedule
from tests.registry.diffusion.drawing import PROMPTS, SEEDS, SIDE, ours, theirs

PAIRS = [(sampler, schedule) for sampler in Sampler for schedule in schedules_of(sampler)]
ADD_NOISE = {
    Sampler.EULER_ANCESTRAL,
    Sampler.DPM2_ANCESTRAL,
    Sampler.DPMPP_2M_SDE,
    Sampler.DPMPP_SDE,
    Sampler.LCM,
}
TOLERANCE = 1e-5
"""Of the largest value, float32 on the CPU: both do the same operations (found: 0)."""
ROWS_TOLERANCE = 1e-5
"""Of the largest value: products of another size are summed in another order (found: 2e-6)."""
ZERO_SNR = {
    "prediction_type": "v_prediction",
    "rescale_betas_zero_snr": True,
    "timestep_spacing": "trailing",
}

pytestmark = pytest.mark.filterwarnings("ignore:__array:DeprecationWarning")  # numpy 2


@pytest.fixture(scope="module")
def pipeline(tiny_base: Path) -> Any:
    return load_pipeline(tiny_base)


def difference(found: torch.Tensor, wanted: torch.Tensor) -> float:
    """The largest difference as a share of the largest value."""
    assert torch.isfinite(found).all()
    return float((found - wanted).abs().max() / wanted.abs().max())


@pytest.mark.parametrize(("sampler", "schedule"), PAIRS)
def test_latents_equal_those_of_the_plain_pipeline(
    pipeline: Any, sampler: Sampler, schedule: Schedule
) -> None:
    found = ours(pipeline, sampler, schedule=schedule)
    wanted = theirs(
        StableDiffusionXLPipeline, pipeline, sampler, schedule=schedule, width=SIDE, height=SIDE
    )
    assert difference(found, wanted) <= TOLERANCE


@pytest.mark.parametrize(("sampler", "schedule"), PAIRS)
def test_rows_of_a_batch_are_as_drawn_alone(
    pipeline: Any, sampler: Sampler, schedule: Schedule
) -> None:
    together = ours(pipeline, sampler, schedule=schedule)
    alone = ours(pipeline, sampler, schedule=schedule, prompts=PROMPTS[1:], seeds=SEEDS[1:])
    assert difference(together[1:], alone) <= ROWS_TOLERANCE


@pytest.mark.parametrize("sampler", Sampler)
def test_noise_on_the_way_is_each_rows_own(pipeline: Any, sampler: Sampler) -> None:
    # With the same prompt and first noise, rows differ only by what is added on the way.
    generators = [torch.Generator().manual_seed(seed) for seed in SEEDS]
    same = ours(pipeline, sampler, prompts=[PROMPTS[0]] * 2, seeds=[5, 5])
    other = ours(pipeline, sampler, prompts=[PROMPTS[0]] * 2, seeds=[5, 5], generators=generators)
    assert torch.equal(same[0], same[1])
    assert (difference(other[:1], other[1:]) > 0.01) is (sampler in ADD_NOISE)


@pytest.mark.parametrize("sampler", Sampler)
def test_zero_terminal_snr_and_v_prediction_are_kept(pipeline: Any, sampler: Sampler) -> None:
    config = {**pipeline.scheduler.config, **ZERO_SNR}
    scheduler = make_scheduler(sampler, config)
    assert scheduler.config.prediction_type == "v_prediction"
    assert float(scheduler.alphas_cumprod[-1]) < 1e-6
    found = ours(pipeline, sampler, config=config)
    wanted = theirs(
        StableDiffusionXLPipeline, pipeline, sampler, config=config, width=SIDE, height=SIDE
    )
    assert difference(found, wanted) <= TOLERANCE
    plain = ours(pipeline, sampler, config={**config, "rescale_betas_zero_snr": False})
    assert difference(found, plain) > 1e-3


@pytest.mark.parametrize("sampler", Sampler)
def test_schedules_visit_other_noise_levels(pipeline: Any, sampler: Sampler) -> None:
    levels = set()
    for schedule in schedules_of(sampler):
        scheduler = make_scheduler(sampler, pipeline.scheduler.config, schedule=schedule)
        set_timesteps(scheduler, 6, torch.device("cpu"))
        noise = getattr(scheduler, "sigmas", scheduler.timesteps)
        levels.add(tuple(noise.tolist()))
    assert len(levels) == len(schedules_of(sampler))


def test_karras_and_exponential_cover_the_whole_range_in_their_own_way(pipeline: Any) -> None:
    alphas = pipeline.scheduler.alphas_cumprod.double()
    noise = ((1 - alphas) / alphas).sqrt()
    low, high, steps = float(noise[0]), float(noise[-1]), 7
    ramp = torch.linspace(0, 1, steps, dtype=torch.double)
    karras = (high ** (1 / 7) + ramp * (low ** (1 / 7) - high ** (1 / 7))) ** 7
    exponential = torch.tensor(high).double() ** (1 - ramp) * torch.tensor(low).double() ** ramp
    for schedule, wanted in ((Schedule.KARRAS, karras), (Schedule.EXPONENTIAL, exponential)):
        for sampler in (Sampler.EULER, Sampler.DPMPP_2M, Sampler.UNIPC):
            scheduler = make_scheduler(sampler, pipeline.scheduler.config, schedule=schedule)
            set_timesteps(scheduler, steps, torch.device("cpu"))
            # 1e-5: diffusers keeps noise levels in float32
            torch.testing.assert_close(scheduler.sigmas[:-1].double(), wanted, rtol=1e-5, atol=0)


@pytest.mark.parametrize(
    ("sampler", "schedule"),
    [(one, other) for one in Sampler for other in Schedule if (one, other) not in PAIRS],
)
def test_an_impossible_pair_is_refused_with_the_possible_ones(
    pipeline: Any, sampler: Sampler, schedule: Schedule
) -> None:
    with pytest.raises(InvalidValue) as caught:
        make_scheduler(sampler, pipeline.scheduler.config, schedule=schedule)
    assert schedule in str(caught.value)
    assert all(possible in str(caught.value) for possible in schedules_of(sampler))


def test_samplers_go_by_a1111s_names_in_any_case(pipeline: Any) -> None:
    scheduler = make_scheduler("dpm++ 2m karras", pipeline.scheduler.config)
    assert type(scheduler).__name__ == "DPMSolverMultistepScheduler"
    assert scheduler.config.use_karras_sigmas
    with pytest.raises(UnknownName, match="Euler a"):
        make_scheduler("Eulr a", pipeline.scheduler.config)


@pytest.mark.parametrize(
    ("name", "steps"), [("Euler", 0), ("Euler", 1001), ("LCM", 51), ("Euler Karras", 1)]
)
def test_a_number_of_steps_that_cannot_be_laid_out_is_refused(
    pipeline: Any, name: str, steps: int
) -> None:
    with pytest.raises(InvalidValue, match=str(steps)):
        ours(pipeline, name, steps=steps)


@pytest.mark.parametrize(("sampler", "schedule"), PAIRS)
def test_the_fewest_steps_draw_something(
    pipeline: Any, sampler: Sampler, schedule: Schedule
) -> None:
    for steps in (1, 2):
        try:
            assert torch.isfinite(ours(pipeline, sampler, schedule=schedule, steps=steps)).all()
        except InvalidValue:
            assert steps == 1
