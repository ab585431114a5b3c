"""diffusers' schedulers under A1111's names of samplers and schedules.

`Automatic` is what the base's own configuration says. The others are A1111's: `Uniform` spaces
timesteps evenly from the last to the first, `Karras` (Karras et al. 2022, arXiv:2206.00364,
equation 5, rho 7) and `Exponential` space noise levels over the same whole range, `SGM Uniform` is
evenly spaced without the last (diffusers: trailing).

Source: the table "Schedulers" of diffusers' documentation; A1111's `modules/sd_schedulers.py`.
LMS, Beta and A1111's own form of DPM++ SDE need scipy or torchsde in diffusers and are left out;
`DPM++ SDE` is the single-step solver of second order that diffusers' table names, with the noise
of the SDE. Euler a and LCM know no schedule by noise levels in diffusers.
"""

import inspect
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch

from sdxl_reg.diffusion.pipeline import diffusers
from sdxl_reg.errors import InvalidValue
from sdxl_reg.formats.sampler_names import parse_sampler_name
from sdxl_reg.vocabulary import Sampler, Schedule

BY_NOISE = (Schedule.KARRAS, Schedule.EXPONENTIAL)
BY_TIME = (Schedule.UNIFORM, Schedule.SGM_UNIFORM)
SETTINGS: Mapping[Schedule, Mapping[str, Any]] = {
    Schedule.AUTOMATIC: {},
    Schedule.UNIFORM: {"timestep_spacing": "linspace"},
    Schedule.KARRAS: {"timestep_spacing": "linspace", "use_karras_sigmas": True},
    Schedule.EXPONENTIAL: {"timestep_spacing": "linspace", "use_exponential_sigmas": True},
    Schedule.SGM_UNIFORM: {"timestep_spacing": "trailing"},
}
"""What each schedule changes of a scheduler's configuration."""
ZERO_SNR = "rescale_betas_zero_snr"


@dataclass(frozen=True, kw_only=True)
class Solver:
    """A sampler as diffusers has it.

    Attributes:
        scheduler: Its class.
        settings: What sets it apart from the base's own settings.
        schedules: Those it can follow, `Automatic` aside.
    """

    scheduler: type[Any]
    settings: Mapping[str, Any] = field(default_factory=dict)
    schedules: tuple[Schedule, ...] = (*BY_TIME, *BY_NOISE)


SOLVERS: Mapping[Sampler, Solver] = {
    Sampler.EULER: Solver(scheduler=diffusers.EulerDiscreteScheduler),
    Sampler.EULER_ANCESTRAL: Solver(
        scheduler=diffusers.EulerAncestralDiscreteScheduler, schedules=BY_TIME
    ),
    Sampler.HEUN: Solver(scheduler=diffusers.HeunDiscreteScheduler),
    Sampler.DPM2: Solver(scheduler=diffusers.KDPM2DiscreteScheduler),
    Sampler.DPM2_ANCESTRAL: Solver(scheduler=diffusers.KDPM2AncestralDiscreteScheduler),
    Sampler.DPMPP_2M: Solver(
        scheduler=diffusers.DPMSolverMultistepScheduler,
        settings={"algorithm_type": "dpmsolver++", "solver_order": 2},
    ),
    Sampler.DPMPP_2M_SDE: Solver(
        scheduler=diffusers.DPMSolverMultistepScheduler,
        settings={"algorithm_type": "sde-dpmsolver++", "solver_order": 2},
    ),
    Sampler.DPMPP_SDE: Solver(
        scheduler=diffusers.DPMSolverSinglestepScheduler,
        settings={"algorithm_type": "sde-dpmsolver++", "solver_order": 2},
        schedules=BY_NOISE,
    ),
    Sampler.DDIM: Solver(
        scheduler=diffusers.DDIMScheduler,
        settings={"clip_sample": False, "set_alpha_to_one": False},
        schedules=BY_TIME,
    ),
    Sampler.UNIPC: Solver(scheduler=diffusers.UniPCMultistepScheduler),
    Sampler.LCM: Solver(scheduler=diffusers.LCMScheduler, schedules=()),
}


def make_scheduler(sampler: str, config: Any, *, schedule: Schedule = Schedule.AUTOMATIC) -> Any:
    """A scheduler for one run of sampling.

    Args:
        sampler: One of `Sampler`, in any letter case; it may have a schedule in its name.
        config: The configuration of the base's own scheduler; its noise schedule and what the
            U-Net predicts are kept, zero terminal SNR included.
        schedule: Which noise levels are visited, where the name says nothing of it.

    Returns:
        A diffusers scheduler without timesteps yet.

    Raises:
        UnknownName: There is no such sampler.
        InvalidValue: The sampler cannot follow this schedule.
    """
    known, named = parse_sampler_name(sampler)
    schedule = schedule if named is Schedule.AUTOMATIC else named
    if schedule not in schedules_of(known):
        raise InvalidValue(
            f"schedule of {known}",
            schedule,
            remedy=f"Possible are {', '.join(schedules_of(known))}",
        )
    solver = SOLVERS[known]
    accepted = inspect.signature(solver.scheduler.__init__).parameters
    own = {key: value for key, value in dict(config).items() if key in accepted}
    with _quiet():
        scheduler = solver.scheduler.from_config({**own, **solver.settings, **SETTINGS[schedule]})
    if config.get(ZERO_SNR) and ZERO_SNR not in accepted:
        scheduler.alphas_cumprod = _zero_snr_alphas(scheduler.betas)
    return scheduler


def schedules_of(sampler: Sampler) -> tuple[Schedule, ...]:
    """The schedules that a sampler can follow.

    Args:
        sampler: Any.
    """
    return (Schedule.AUTOMATIC, *SOLVERS[sampler].schedules)


def set_timesteps(scheduler: Any, num_inference_steps: int, device: torch.device) -> None:
    """Lay out the steps of a run.

    Args:
        scheduler: From `make_scheduler`; its `timesteps` are set.
        num_inference_steps: ≥ 1.
        device: Where the latents are.

    Raises:
        InvalidValue: So many steps cannot be laid out.
    """
    fewest, most = _possible_steps(scheduler)
    if not fewest <= num_inference_steps <= most:
        raise InvalidValue(
            "number of steps with this sampler and schedule",
            num_inference_steps,
            remedy=f"Give {fewest} to {most}",
        )
    with _quiet():
        scheduler.set_timesteps(num_inference_steps, device=device)
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(0)


def step_function(scheduler: Any, generators: list[torch.Generator]) -> Any:
    """A scheduler's step: prediction, timestep, latents → latents with less noise.

    Args:
        scheduler: With timesteps.
        generators: One a row, used by samplers that add noise on the way.
    """
    extra: dict[str, Any] = {"return_dict": False}
    if "generator" in inspect.signature(scheduler.step).parameters:
        extra["generator"] = generators
    return lambda prediction, t, latents: scheduler.step(prediction, t, latents, **extra)[0]


def _possible_steps(scheduler: Any) -> tuple[int, int]:
    most = scheduler.config.num_train_timesteps
    if isinstance(scheduler, diffusers.LCMScheduler):
        return 1, scheduler.config.original_inference_steps
    # Evenly from the last timestep to the first: a single one would be the first, without noise.
    ends_at_first = scheduler.order == 2 or isinstance(scheduler, _END_AT_FIRST)
    spaced = scheduler.config.get("timestep_spacing") == "linspace"
    return (2 if spaced and ends_at_first else 1), most


_END_AT_FIRST = (
    diffusers.EulerDiscreteScheduler,
    diffusers.EulerAncestralDiscreteScheduler,
    diffusers.DDIMScheduler,
)


def _zero_snr_alphas(betas: torch.Tensor) -> torch.Tensor:
    """The noise schedule with zero terminal SNR, as diffusers' Euler makes it of the same betas.

    Source: Lin et al. 2023, arXiv:2305.08891, algorithm 1.
    """
    reference = diffusers.EulerDiscreteScheduler(
        num_train_timesteps=len(betas), trained_betas=betas.tolist(), rescale_betas_zero_snr=True
    )
    alphas: torch.Tensor = reference.alphas_cumprod
    return alphas


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        # diffusers hands tensors to numpy in a way that numpy 2 warns of
        warnings.filterwarnings("ignore", message="__array", category=DeprecationWarning)
        yield
