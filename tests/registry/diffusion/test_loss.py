import torch

from sdxl_reg.diffusion.loss import debiased_weights, denoising_loss, min_snr_weights


def test_rows_count_by_their_weights() -> None:
    prediction, target = torch.zeros(2, 1, 2, 2), torch.tensor([1.0, 3.0]).reshape(2, 1, 1, 1)
    target = target.expand(2, 1, 2, 2)
    assert denoising_loss(prediction, target, torch.tensor([1.0, 1.0])) == 5
    assert denoising_loss(prediction, target, torch.tensor([1.0, 0.0])) == 0.5


def test_min_snr_limits_the_easy_timesteps_only() -> None:
    abar = torch.tensor([0.5, 10 / 11])  # signal-to-noise ratios 1 and 10
    assert torch.allclose(
        min_snr_weights(abar, 5, prediction_type="epsilon"), torch.tensor([1.0, 0.5])
    )
    assert torch.allclose(
        min_snr_weights(abar, 5, prediction_type="v_prediction"), torch.tensor([0.5, 5 / 11])
    )
    assert min_snr_weights(abar, None, prediction_type="epsilon").tolist() == [1, 1]


def test_debiased_weights_let_high_noise_count() -> None:
    abar = torch.tensor([0.5, 0.2, 1 - 1e-7])  # signal-to-noise ratios 1, 1/4 and 10 million
    epsilon = debiased_weights(abar, prediction_type="epsilon")
    assert torch.allclose(epsilon, torch.tensor([1.0, 2.0, 1000**-0.5]))
    v = debiased_weights(abar[:2], prediction_type="v_prediction")
    assert torch.allclose(v, torch.tensor([0.5, 0.8]))
