import pytest
import torch

from sdxl_reg.diffusion.noise import (
    adaptive_offset,
    add_noise,
    alphas_cumprod,
    multires_noise,
    offset_noise,
    prediction_target,
    seeded,
    zero_terminal_snr,
)
from sdxl_reg.errors import InvalidValue

X0, EPS = torch.randn(2, 1, 4, 3, 3, generator=torch.Generator().manual_seed(0))
ABAR = torch.tensor([0.36])


def test_noisy_latents_follow_the_forward_process() -> None:
    assert torch.allclose(add_noise(X0, EPS, ABAR), 0.6 * X0 + 0.8 * EPS)


def test_clean_latents_follow_from_either_prediction() -> None:
    x_t = add_noise(X0, EPS, ABAR)
    v = prediction_target(X0, EPS, ABAR, prediction_type="v_prediction")
    assert torch.allclose(0.6 * x_t - 0.8 * v, X0, atol=1e-6)  # float32 rounding
    assert prediction_target(X0, EPS, ABAR, prediction_type="epsilon") is EPS


def test_another_prediction_is_refused() -> None:
    with pytest.raises(InvalidValue, match="sample"):
        prediction_target(X0, EPS, ABAR, prediction_type="sample")


def test_it_agrees_with_diffusers() -> None:
    from diffusers import DDPMScheduler

    config = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
    scheduler = DDPMScheduler.from_config(config)
    abar, t = alphas_cumprod(config), torch.tensor([700])
    assert torch.allclose(add_noise(X0, EPS, abar[t]), scheduler.add_noise(X0, EPS, t))
    ours = prediction_target(X0, EPS, abar[t], prediction_type="v_prediction")
    assert torch.allclose(ours, scheduler.get_velocity(X0, EPS, t))


def test_each_step_of_a_seed_has_numbers_of_its_own() -> None:
    draws = [
        torch.rand(3, generator=seeded(*key)).tolist() for key in ((1, 1), (1, 1), (1, 2), (2, 1))
    ]
    assert draws[0] == draws[1]
    assert draws[0] != draws[2] != draws[3]


def test_offset_noise_moves_whole_channels() -> None:
    moved = offset_noise(EPS, 0.5, torch.Generator().manual_seed(0)) - EPS
    assert torch.allclose(moved, moved[:, :, :1, :1].expand_as(moved), atol=1e-6)


def test_the_offset_can_grow_with_a_channels_mean() -> None:
    x0 = torch.stack([torch.zeros(1, 2, 2), torch.full((1, 2, 2), -3.0)])
    strength = adaptive_offset(x0, 0.1, 0.5)
    assert strength.flatten().tolist() == pytest.approx([0.1, 1.6])
    assert adaptive_offset(x0, 0.1, -0.5).min() == 0


def test_multires_noise_has_unit_deviation_and_coarse_parts() -> None:
    eps = torch.randn(4, 4, 32, 32, generator=torch.Generator().manual_seed(0))
    noise = multires_noise(
        eps, iterations=8, discount=0.6, generator=torch.Generator().manual_seed(1)
    )
    assert noise.std() == pytest.approx(1, abs=1e-5)
    pooled = torch.nn.functional.avg_pool2d
    assert pooled(noise, 8).std() > 1.5 * pooled(eps, 8).std()


def test_a_schedule_of_zero_terminal_snr_is_that_of_diffusers() -> None:
    from diffusers.schedulers.scheduling_ddim import rescale_zero_terminal_snr

    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    ours = zero_terminal_snr((1 - betas).cumprod(0))
    theirs = (1 - rescale_zero_terminal_snr(betas)).cumprod(0)
    assert torch.allclose(ours, theirs, atol=1e-5)  # theirs multiplies a thousand float32 factors
    assert ours[-1] == 0
