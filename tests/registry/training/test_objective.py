"""The loss of a batch against the papers' formulas, written out again in float64."""

import math
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from sdxl_reg.diffusion.conditioning import TextConditioning
from sdxl_reg.diffusion.noise import seeded
from sdxl_reg.trainers.settings import ObjectiveSettings
from sdxl_reg.training.base import Base
from sdxl_reg.training.objective import Batch, batch_loss

TOLERANCE = 2e-5
"""Relative: means of a thousand float32 values, whose SNR is a difference of near numbers."""
ROWS = 3


class _Unet:
    """A denoiser of one line, which also sees everything that it is told."""

    dtype = torch.float32

    def __call__(self, x_t: Tensor, t: Tensor, **given: Any) -> tuple[Tensor]:
        conditions = given["added_cond_kwargs"]
        said = (
            0.7 * x_t
            + 0.0003 * t.reshape(-1, 1, 1, 1)
            + 0.01 * given["encoder_hidden_states"].mean((1, 2)).reshape(-1, 1, 1, 1)
            + 0.02 * conditions["text_embeds"].mean(1).reshape(-1, 1, 1, 1)
            + 0.001 * conditions["time_ids"].mean(1).reshape(-1, 1, 1, 1)
        )
        return (said,)


def _base(prediction_type: str) -> Base:
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64).square()
    return Base(
        pipeline=SimpleNamespace(unet=_Unet()),
        device=torch.device("cpu"),
        dtype=torch.float32,
        abar=(1 - betas).cumprod(0).float(),
        prediction_type=prediction_type,
        native=64,
    )


def _batch(*, mask: bool = False) -> tuple[Batch, TextConditioning]:
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator)

    batch = Batch(
        x0=normal(ROWS, 4, 8, 12),
        sizes=torch.tensor([[64.0, 96, 0, 0, 64, 96]] * ROWS),
        mask=torch.rand((ROWS, 1, 8, 12), generator=generator) if mask else None,
        weights=torch.tensor([1.0, 1.0, 0.5]),
        captions=("a",) * ROWS,
        names=("a.png",) * ROWS,
    )
    return batch, TextConditioning(context=normal(ROWS, 7, 5), pooled=normal(ROWS, 5))


@dataclass
class _Plain:
    """The objective once more, row by row, in float64, from the papers and sd-scripts."""

    settings: dict[str, Any]
    v: bool

    def loss(self, base: Base, batch: Batch, text: TextConditioning, seed: int) -> float:
        generator = seeded(seed)
        eps = self._noise(batch.x0, generator)
        low, high = self.settings.get("min_timestep", 0), self.settings.get("max_timestep", 1000)
        t = torch.randint(low, high, (ROWS,), generator=generator)
        perturbed = eps
        if gamma := self.settings.get("ip_noise_gamma"):
            perturbed = eps + gamma * torch.randn(eps.shape, generator=generator).double()
        rows = [
            self._row(base, batch, text, row, int(t[row]), eps[row], perturbed[row])
            for row in range(ROWS)
        ]
        return sum(rows) / ROWS

    def _noise(self, x0: Tensor, generator: torch.Generator) -> Tensor:
        eps: Tensor = torch.randn(x0.shape, generator=generator).double()
        if offset := float(self.settings.get("noise_offset", 0)):
            shift = torch.randn(ROWS, 4, 1, 1, generator=generator).double()
            scale = float(self.settings.get("adaptive_noise_scale", 0))
            brightness = x0.double().mean((2, 3), keepdim=True).abs()
            eps = eps + (offset + scale * brightness).clamp(min=0) * shift
        return eps

    def _row(
        self,
        base: Base,
        batch: Batch,
        text: TextConditioning,
        row: int,
        t: int,
        eps: Tensor,
        perturbed: Tensor,
    ) -> float:
        x0, abar = batch.x0[row].double(), float(base.abar[t])
        x_t = math.sqrt(abar) * x0 + math.sqrt(1 - abar) * perturbed
        said = (
            0.7 * x_t
            + 0.0003 * t
            + 0.01 * text.context[row].double().mean()
            + 0.02 * text.pooled[row].double().mean()
            + 0.001 * batch.sizes[row].double().mean()
        )
        target = math.sqrt(abar) * eps - math.sqrt(1 - abar) * x0 if self.v else eps
        errors = self._errors(said - target, abar, t)
        if batch.mask is not None:
            errors = errors * batch.mask[row].double()
        return float(errors.mean()) * self._weight(abar) * float(batch.weights[row])

    def _errors(self, difference: Tensor, abar: float, t: int) -> Tensor:
        kind = self.settings.get("loss_type", "l2")
        if kind == "l2":
            return difference**2
        if kind == "l1":
            return difference.abs()
        floor = self.settings.get("huber_c", 0.1)
        scale = self.settings.get("huber_scale", 1.0)
        sigma = math.sqrt((1 - abar) / abar)
        c = {
            "snr": (1 - floor) / (1 + sigma) ** 2 + floor,
            "exponential": scale * floor ** (t / 1000),
            "constant": scale * floor,
        }[self.settings.get("huber_schedule", "snr")]
        rounded: Tensor = (difference**2 + c * c).sqrt() - c
        return 2 * (c if kind == "huber" else 1) * rounded

    def _weight(self, abar: float) -> float:
        snr, weight = abar / (1 - abar), 1.0
        if gamma := self.settings.get("min_snr_gamma"):
            weight *= min(snr, gamma) / (snr + 1 if self.v else snr)
        if self.settings.get("debiased_estimation_loss"):
            capped = min(snr, 1000)
            weight *= 1 / (capped + 1) if self.v else 1 / math.sqrt(capped)
        if self.settings.get("scale_v_pred_loss_like_noise_pred") and self.v:
            weight *= min(snr, 1000) / (min(snr, 1000) + 1)
        return weight


SETTINGS: list[dict[str, Any]] = [
    {},
    {"min_timestep": 300, "max_timestep": 301},
    {"max_timestep": 3},
    {"noise_offset": 0.1},
    {"noise_offset": 0.1, "adaptive_noise_scale": -0.5},
    {"ip_noise_gamma": 0.1},
    {"loss_type": "l1"},
    {"loss_type": "huber"},
    {"loss_type": "smooth_l1"},
    {"loss_type": "huber", "huber_schedule": "exponential", "huber_c": 0.2, "huber_scale": 2},
    {"loss_type": "smooth_l1", "huber_schedule": "constant", "huber_scale": 3},
    {"min_snr_gamma": 5},
    {"debiased_estimation_loss": True},
    {"scale_v_pred_loss_like_noise_pred": True},
    {
        "noise_offset": 0.05,
        "ip_noise_gamma": 0.1,
        "loss_type": "huber",
        "min_snr_gamma": 1,
        "debiased_estimation_loss": True,
        "scale_v_pred_loss_like_noise_pred": True,
    },
]


@pytest.mark.parametrize("mask", [False, True])
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
def test_the_loss_is_that_of_the_formulas(
    prediction_type: str, settings: dict[str, Any], mask: bool
) -> None:
    base, (batch, text) = _base(prediction_type), _batch(mask=mask)
    config = ObjectiveSettings.model_validate(settings)
    for seed in range(3):
        found = batch_loss(base, batch, text, config, seeded(seed))
        plain = _Plain(settings, prediction_type == "v_prediction")
        assert found.shape == ()
        assert float(found) == pytest.approx(plain.loss(base, batch, text, seed), rel=TOLERANCE)


def test_an_adaptive_offset_needs_no_offset_of_its_own() -> None:
    base, (batch, text) = _base("epsilon"), _batch()
    losses = {
        float(batch_loss(base, batch, text, ObjectiveSettings.model_validate(own), seeded(0)))
        for own in ({}, {"adaptive_noise_scale": 1.0})
    }
    assert len(losses) == 2


def test_noise_of_several_grains_is_what_has_to_be_predicted() -> None:
    base, (batch, text) = _base("epsilon"), _batch()
    config = ObjectiveSettings(multires_noise_iterations=6)
    one, again = (batch_loss(base, batch, text, config, seeded(0)) for _ in range(2))
    plain = batch_loss(base, batch, text, ObjectiveSettings(), seeded(0))
    assert float(one) == float(again) != float(plain)


def test_what_is_masked_out_teaches_nothing() -> None:
    base, (batch, text) = _base("epsilon"), _batch(mask=True)
    assert batch.mask is not None
    batch.mask.zero_()
    assert float(batch_loss(base, batch, text, ObjectiveSettings(), seeded(0))) == 0


def test_each_row_has_its_own_timestep_and_the_same_generator_gives_the_same_loss() -> None:
    base, (batch, text) = _base("epsilon"), _batch()
    config = ObjectiveSettings()
    losses = [float(batch_loss(base, batch, text, config, seeded(seed))) for seed in (0, 0, 1)]
    assert losses[0] == losses[1] != losses[2]
