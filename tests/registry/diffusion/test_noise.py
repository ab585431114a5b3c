import pytest
import torch

from sdxl_reg.diffusion.noise import (
    add_noise,
    alphas_cumprod,
    offset_noise,
    prediction_target,
    seeded,
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
    assert offset_noise(EPS, 0, torch.Generator()) is EPS
