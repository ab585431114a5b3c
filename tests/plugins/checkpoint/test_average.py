"""Averages of weights are diffusers', number for number."""

import pytest
import torch
from diffusers.training_utils import EMAModel
from torch import nn

from sdxl_reg_checkpoint.average import Averages, decay_at

EMA_TOLERANCE = 1e-6
"""Of the weights' size: a linear interpolation here, a difference taken away there; float32."""


def _walked(parameter: nn.Parameter, generator: torch.Generator) -> None:
    with torch.no_grad():
        parameter.add_(torch.randn(parameter.shape, generator=generator))


@pytest.mark.parametrize("decay", [0.5, 0.9999])
def test_they_follow_as_diffusers_ema_model_does(decay: float) -> None:
    generator = torch.Generator().manual_seed(0)
    parameter = nn.Parameter(torch.randn(8, 8, generator=generator))
    ours, theirs = Averages([parameter], decay), EMAModel([parameter], decay=decay)
    for _ in range(30):
        _walked(parameter, generator)
        ours.follow()
        theirs.step([parameter])
        expected = theirs.shadow_params[0]
        assert (ours.values[0] - expected).abs().max() <= EMA_TOLERANCE * expected.abs().max()
    assert not torch.allclose(ours.values[0], parameter, atol=0.1)


def test_the_decay_warms_up_to_its_limit() -> None:
    assert [decay_at(update, 0.25) for update in (1, 2, 3, 4, 100)] == [0, 2 / 11, 0.25, 0.25, 0.25]


def test_parameters_hold_the_averages_only_inside_of_the_context() -> None:
    generator = torch.Generator().manual_seed(0)
    parameter = nn.Parameter(torch.zeros(4))
    averages = Averages([parameter], 0.5)
    for _ in range(3):
        _walked(parameter, generator)
        averages.follow()
    present, average = parameter.detach().clone(), averages.values[0].clone()
    with averages.in_place(), averages.in_place():
        assert torch.equal(parameter, average)
    assert torch.equal(parameter, present)
    assert torch.equal(averages.values[0], average)
