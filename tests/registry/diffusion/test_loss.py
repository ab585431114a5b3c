import pytest
import torch

from sdxl_reg.diffusion.loss import (
    debiased_weights,
    denoising_loss,
    elementwise_loss,
    huber_threshold,
    masked,
    min_snr_weights,
    v_as_epsilon_weights,
)
from sdxl_reg.errors import UnknownName


def test_rows_count_by_their_weights() -> None:
    prediction, target = torch.zeros(2, 1, 2, 2), torch.tensor([1.0, 3.0]).reshape(2, 1, 1, 1)
    target = target.expand(2, 1, 2, 2)
    errors = elementwise_loss(prediction, target, loss_type="l2")
    assert denoising_loss(errors, torch.tensor([1.0, 1.0])) == 5
    assert denoising_loss(errors, torch.tensor([1.0, 0.0])) == 0.5
    assert denoising_loss(masked(errors, torch.zeros(2, 1, 2, 2)), torch.ones(2)) == 0


def test_min_snr_limits_the_easy_timesteps_only() -> None:
    abar = torch.tensor([0.5, 10 / 11])  # signal-to-noise ratios 1 and 10
    assert torch.allclose(
        min_snr_weights(abar, 5, prediction_type="epsilon"), torch.tensor([1.0, 0.5])
    )
    assert torch.allclose(
        min_snr_weights(abar, 5, prediction_type="v_prediction"), torch.tensor([0.5, 5 / 11])
    )
    pure_noise = torch.tensor([0.0])
    assert min_snr_weights(pure_noise, 5, prediction_type="epsilon").tolist() == [1]


def test_debiased_weights_let_high_noise_count() -> None:
    abar = torch.tensor([0.5, 0.2, 1 - 1e-7])  # signal-to-noise ratios 1, 1/4 and 10 million
    epsilon = debiased_weights(abar, prediction_type="epsilon")
    assert torch.allclose(epsilon, torch.tensor([1.0, 2.0, 1000**-0.5]))
    v = debiased_weights(abar[:2], prediction_type="v_prediction")
    assert torch.allclose(v, torch.tensor([0.5, 0.8]))


def test_huber_losses_are_square_near_0_and_linear_far_from_it() -> None:
    c = torch.tensor([0.1])
    small, large = torch.full((1, 1, 1, 1), 1e-3), torch.full((1, 1, 1, 1), 1e3)
    zero = torch.zeros(1, 1, 1, 1)

    def loss(error: torch.Tensor, loss_type: str) -> float:
        return elementwise_loss(error, zero, loss_type=loss_type, threshold=c).item()

    # d² (1 - d² / 4c²) near 0, to float32's rounding of sqrt(d² + c²) - c
    assert loss(small, "huber") == pytest.approx(1e-6, rel=0.02)
    assert loss(small, "smooth_l1") == pytest.approx(1e-5, rel=0.02)
    assert loss(large, "huber") == pytest.approx(2 * 0.1 * (1e3 - 0.1), rel=1e-4)
    assert loss(large, "smooth_l1") == pytest.approx(2 * (1e3 - 0.1), rel=1e-4)


def test_l1_and_unknown_losses() -> None:
    one = torch.ones(1, 1, 1, 1)
    assert elementwise_loss(3 * one, one, loss_type="l1").item() == 2
    with pytest.raises(UnknownName, match="l3"):
        elementwise_loss(one, one, loss_type="l3")


def test_the_threshold_of_huber_losses_follows_its_schedule() -> None:
    abar, t = torch.tensor([1.0, 0.5]), torch.tensor([0, 1000])
    settings = {"c": 0.1, "scale": 2.0}
    constant = huber_threshold(abar, t, schedule="constant", **settings)
    assert torch.allclose(constant, torch.tensor([0.2, 0.2]))
    exponential = huber_threshold(abar, t, schedule="exponential", **settings)
    assert torch.allclose(exponential, torch.tensor([2.0, 0.2]))
    snr = huber_threshold(abar, t, schedule="snr", **settings)
    assert torch.allclose(snr, torch.tensor([1.0, 0.9 / 4 + 0.1]))  # sigma is 0 and 1


def test_a_v_loss_can_count_as_one_of_epsilon() -> None:
    assert v_as_epsilon_weights(torch.tensor([0.5, 0.2])).tolist() == pytest.approx([0.5, 0.2])
