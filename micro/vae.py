"""Trains the autoencoder, then folds its latents' mean and scale into the weights.

Loss: L1 + 0.3 · MSE + 0.5 · L1 of the differences between neighbours, which keeps edges sharp
(Mathieu et al. 2016, arXiv:1511.05440, eq. 6), + 1e-4 · KL; AdamW with a cosine schedule.
"""

from __future__ import annotations

import math
import time
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from numpy.typing import NDArray
from torch import nn

from micro.dataset import scribbled
from micro.network import SCALING_FACTOR, build_vae
from micro.progress import Log, cosine_rate, load_state, save_state

BATCH, CROP, RATE, SEED = 8, 64, 2e-3, 7
DECODER_RATE, DECODER_NOISE = 2e-3, 0.03


def train_vae(
    pictures: NDArray[np.uint8], state: Path, *, steps: int, minutes: float
) -> AutoencoderKL:
    """Train until `steps` or until the clock says `minutes`, and fold the scale.

    The schedule follows whichever of the two is further, so a time limit still ends at rate zero.
    The state is saved every 200 steps under `state` and taken up again from there.
    """
    torch.manual_seed(SEED)
    vae = build_vae()
    optimizer = torch.optim.AdamW(vae.parameters(), lr=RATE, weight_decay=1e-4, fused=True)
    start, spent = load_state(state / "vae.pt", {"vae": vae, "optimizer": optimizer})
    log = Log(state / "vae.log")
    began = time.monotonic() - spent
    for step in range(start, steps):
        elapsed = time.monotonic() - began
        progress = max(step / steps, elapsed / (60 * minutes))
        if progress >= 1:
            break
        for group in optimizer.param_groups:
            group["lr"] = cosine_rate(progress, RATE, warmup=0.01)
        pixels = _crops(pictures, np.random.default_rng((SEED, step)))
        loss, mse = _loss(vae, pixels, torch.Generator().manual_seed(step))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
        optimizer.step()
        log.add(step, loss=loss.item(), psnr=-10 * math.log10(mse.item() / 4))
        if step % 200 == 199:
            elapsed = time.monotonic() - began
            save_state(state / "vae.pt", {"vae": vae, "optimizer": optimizer}, step + 1, elapsed)
    fold_scale(vae, pictures)
    return vae


def train_decoder(
    vae: AutoencoderKL, pictures: NDArray[np.uint8], state: Path, *, steps: int, minutes: float
) -> None:
    """Train the decoder on, in place, for the latents as they are.

    The U-Net may learn meanwhile, since the encoder stays. Latents get a little noise, as a
    drawn latent is never exact.
    """
    torch.manual_seed(SEED)
    vae.requires_grad_(False)
    trained = nn.ModuleList([vae.decoder, vae.post_quant_conv]).requires_grad_(True)
    optimizer = torch.optim.AdamW(trained.parameters(), lr=DECODER_RATE, fused=True)
    parts = {"vae": vae, "optimizer": optimizer}
    start, spent = load_state(state / "decoder.pt", parts)
    log = Log(state / "decoder.log")
    began = time.monotonic() - spent
    for step in range(start, steps):
        elapsed = time.monotonic() - began
        progress = max(step / steps, elapsed / (60 * minutes))
        if progress >= 1:
            break
        for group in optimizer.param_groups:
            group["lr"] = cosine_rate(progress, DECODER_RATE, warmup=0.01)
        pixels = _crops(pictures, np.random.default_rng((SEED, 1, step)))
        with torch.no_grad():
            latents = vae.encode(pixels).latent_dist.mean
            generator = torch.Generator().manual_seed(step)
            noise = torch.randn(latents.shape, generator=generator)
            latents = latents + DECODER_NOISE / SCALING_FACTOR * noise
        loss, mse = _likeness(vae.decode(latents).sample, pixels)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(trained.parameters(), 1.0)
        optimizer.step()
        log.add(step, loss=loss.item(), psnr=-10 * math.log10(mse.item() / 4))
        if step % 200 == 199:
            save_state(state / "decoder.pt", parts, step + 1, time.monotonic() - began)


@torch.no_grad()
def fold_scale(vae: AutoencoderKL, pictures: NDArray[np.uint8], *, count: int = 512) -> None:
    """Fold the latents' mean and scale into the two convolutions beside them.

    Afterwards `SCALING_FACTOR` times a latent has mean 0 and deviation 1 in each channel.
    """
    chosen = pictures[:: max(1, len(pictures) // count)]
    latents = torch.cat(
        [vae.encode(to_tensor(part)).latent_dist.mean for part in np.array_split(chosen, 32)]
    )
    mean = latents.mean((0, 2, 3))
    scale = latents.std((0, 2, 3)) * SCALING_FACTOR
    out, back = vae.quant_conv, vae.post_quant_conv
    back.bias += back.weight[:, :, 0, 0] @ mean
    back.weight *= scale[None, :, None, None]
    out.weight[:4] /= scale[:, None, None, None]
    out.bias[:4] = (out.bias[:4] - mean) / scale
    out.bias[4:] -= 2 * torch.log(scale)


def psnr(vae: AutoencoderKL, pictures: NDArray[np.uint8]) -> float:
    """Return the mean PSNR in dB of pictures sent through the autoencoder."""
    difference = round_trip(vae, pictures).astype(np.float64) - pictures
    errors = np.square(difference).mean((1, 2, 3))
    return float(np.mean(10 * np.log10(255**2 / errors)))


@torch.no_grad()
def round_trip(vae: AutoencoderKL, pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return pictures encoded and decoded again."""
    parts = []
    for part in np.array_split(pictures, max(1, len(pictures) // 16)):
        decoded = vae.decode(vae.encode(to_tensor(part)).latent_dist.mean).sample
        parts.append(
            ((decoded.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
        )
    return np.concatenate(parts)


@torch.no_grad()
def encoded(vae: AutoencoderKL, pictures: NDArray[np.uint8]) -> torch.Tensor:
    """Return scaled latents (pictures, 4, size / 8, size / 8)."""
    parts = np.array_split(pictures, max(1, len(pictures) // 32))
    return torch.cat([vae.encode(to_tensor(part)).latent_dist.mean for part in parts]) * (
        SCALING_FACTOR
    )


def to_tensor(pictures: NDArray[np.uint8]) -> torch.Tensor:
    """Return bytes (count, height, width, 3) as floats in -1 … 1 (count, 3, height, width)."""
    values = torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2)
    return values.float().contiguous() / 127.5 - 1


def _loss(
    vae: AutoencoderKL, pixels: torch.Tensor, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the training loss and the mean squared error."""
    posterior = vae.encode(pixels).latent_dist
    decoded = vae.decode(posterior.sample(generator=generator)).sample
    loss, mse = _likeness(decoded, pixels)
    return loss + 1e-4 * posterior.kl().mean() / posterior.mean[0].numel(), mse


def _likeness(decoded: torch.Tensor, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return how far pictures are from what they should be, and the mean squared error alone."""
    error = decoded - pixels
    mse = error.square().mean()
    edges = error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()
    return error.abs().mean() + 0.3 * mse + 0.5 * edges, mse.detach()


def _crops(pictures: NDArray[np.uint8], rng: np.random.Generator) -> torch.Tensor:
    """Return a batch of square crops, half of them scribbled on, turned and flipped at random."""
    slack = pictures.shape[1] - CROP
    crops = np.empty((BATCH, CROP, CROP, 3), dtype=np.uint8)
    for row, index in enumerate(rng.integers(len(pictures), size=BATCH)):
        top, left = rng.integers(slack + 1, size=2)
        crop = pictures[index, top : top + CROP, left : left + CROP]
        crops[row] = np.rot90(crop[:, :: int(rng.choice((-1, 1)))], int(rng.integers(4)))
    crops[::2] = scribbled(crops[::2], rng)
    return to_tensor(crops)
