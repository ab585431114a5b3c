"""The validation loss: held-out pictures at fixed timesteps and noise, comparable over time."""

import torch

from sdxl_reg.diffusion.loss import denoising_loss, elementwise_loss
from sdxl_reg.diffusion.noise import add_noise, prediction_target, seeded
from sdxl_reg.training.base import Base
from sdxl_reg.training.dataset import Dataset
from sdxl_reg.training.objective import predicted
from sdxl_reg.training.texts import Texts
from sdxl_reg.training.trainee import Trainee

LEVELS = (0.1, 0.35, 0.6, 0.85)
"""Shares of the timesteps at which every picture is measured: fine detail to layout."""


@torch.no_grad()
def validation_loss(
    base: Base, data: Dataset, texts: Texts, trainee: Trainee, *, seed: int
) -> float:
    """Mean squared error over the held-out pictures, unweighted.

    Args:
        base: Whose U-Net is asked.
        data: Holds the pictures.
        texts: Encodes their captions.
        trainee: Has a word in the captions.
        seed: Of the noise: each picture and level has its own, the same at every step.
    """
    t = torch.tensor([int(level * len(base.abar)) for level in LEVELS])
    abar = base.abar[t]
    losses = []
    for number, picture in enumerate(data.held_out):
        batch = data.held_out_batch(picture, trainee)
        x0 = batch.x0.expand(len(LEVELS), -1, -1, -1)
        eps = torch.randn(x0.shape, generator=seeded(seed, 0, number))
        text = texts.encoded(batch.captions).rows([0] * len(LEVELS))
        said = predicted(base, add_noise(x0, eps, abar), t, text, batch.sizes.expand(len(t), -1))
        target = prediction_target(x0, eps, abar, prediction_type=base.prediction_type)
        errors = elementwise_loss(said, target.to(said.device), loss_type="l2")
        losses.append(float(denoising_loss(errors, torch.ones(len(LEVELS)))))
    return sum(losses) / len(losses)
