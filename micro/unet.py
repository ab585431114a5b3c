"""Trains the U-Net together with both text encoders on pre-encoded latents.

Noise is predicted (epsilon); the loss is weighted by min-SNR-5 (Hang et al. 2023, arXiv:2303.09556,
eq. 8) with a floor too: what a prompt decides is decided at high noise, where the plain loss is
nearly blind. Every batch holds half as many captions as pictures.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from random import Random

import torch
from diffusers import UNet2DConditionModel
from torch import nn
from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizerFast

from micro.captions import Shot, caption, stranger_words
from micro.network import (
    END,
    PICTURE_SIZE,
    build_scheduler,
    build_text_encoders,
    build_unet,
    encode_prompts,
    time_ids,
)
from micro.progress import Log, Stateful, cosine_rate, load_state, save_state

CAPTIONS, RATE, SEED = 10, 1e-3, 11
EMA_DECAY = 0.998
EMPTY_SHARE = 0.1
SNR_LIMITS = (0.15, 5.0)
LATE_SHARE, LATE_FROM = 0.25, 850


class Drawer(nn.Module):
    """The U-Net and its two text encoders: what is trained and saved as one."""

    def __init__(self) -> None:
        """Build all three untrained."""
        super().__init__()
        self.unet: UNet2DConditionModel = build_unet()
        clip_l, clip_g = build_text_encoders()
        self.clip_l: CLIPTextModel = clip_l
        self.clip_g: CLIPTextModelWithProjection = clip_g

    def forward(
        self, noisy: torch.Tensor, timesteps: torch.Tensor, ids: torch.Tensor, repeats: int
    ) -> torch.Tensor:
        """Return the predicted noise.

        Args:
            noisy: Latents (captions · repeats, 4, height, width).
            timesteps: One per latent, 0–999.
            ids: Token ids (captions, 77), padded with `<|endoftext|>`.
            repeats: Consecutive latents that share a caption.
        """
        context, pooled = encode_prompts(self.clip_l, self.clip_g, ids, padded_for_clip_g(ids))
        added = {
            "text_embeds": pooled.repeat_interleave(repeats, 0),
            "time_ids": time_ids(PICTURE_SIZE, len(noisy)),
        }
        context = context.repeat_interleave(repeats, 0)
        predicted: torch.Tensor = self.unet(
            noisy, timesteps, context, added_cond_kwargs=added, return_dict=False
        )[0]
        return predicted


class CaptionFeed:
    """Chooses pictures and words their captions; a step's choice depends on the step alone."""

    def __init__(
        self, shots: Sequence[Shot], tokenizer: CLIPTokenizerFast, words: Sequence[str]
    ) -> None:
        """Group the pictures by what they show."""
        self._shots, self._tokenizer, self._words = shots, tokenizer, words
        self._alike: dict[Shot, list[int]] = defaultdict(list)
        for index, shot in enumerate(shots):
            self._alike[shot].append(index)

    def batch(self, step: int) -> tuple[list[int], torch.Tensor]:
        """Return picture indices, two of one caption in a row, and token ids (captions, 77)."""
        rng = Random(SEED * 1_000_003 + step)
        strangers = stranger_words(self._words, rng)
        indices, texts = [], []
        for chosen in rng.choices(range(len(self._shots)), k=CAPTIONS):
            shot = self._shots[chosen]
            indices += [chosen, rng.choice(self._alike[shot])]
            empty = rng.random() < EMPTY_SHARE
            texts.append("" if empty else caption(shot, rng, strangers=strangers))
        ids = self._tokenizer(
            texts, padding="max_length", truncation=True, max_length=77, return_tensors="pt"
        ).input_ids
        return indices, ids


def padded_for_clip_g(ids: torch.Tensor) -> torch.Tensor:
    """Return token ids with `!` (0) after the first `<|endoftext|>`, as the second encoder pads."""
    ends = (ids == END).cumsum(dim=1)
    return ids.masked_fill(ends > 1, 0)


def train_unet(
    latents: torch.Tensor,
    feed: CaptionFeed,
    state: Path,
    *,
    steps: int,
    minutes: float,
    earlier: Path | None = None,
) -> Drawer:
    """Train until `steps` or until the clock says `minutes`; return the averaged weights.

    The state is saved every 250 steps under `state` and taken up again from there; without one,
    training starts from the parts of an `earlier` base, a diffusers folder, if that is given.
    """
    torch.manual_seed(SEED)
    drawer, average = Drawer(), Drawer()
    if earlier is not None:
        _take_over(drawer, earlier)
    average.load_state_dict(drawer.state_dict())
    optimizer = torch.optim.AdamW(drawer.parameters(), lr=RATE, weight_decay=0.01, fused=True)
    kept: dict[str, Stateful] = {"drawer": drawer, "average": average, "optimizer": optimizer}
    start, spent = load_state(state / "unet.pt", kept)
    log = Log(state / "unet.log")
    began = time.monotonic() - spent
    step = start - 1
    for step in range(start, steps):
        elapsed = time.monotonic() - began
        progress = max(step / steps, elapsed / (60 * minutes))
        if progress >= 1:
            step -= 1
            break
        for group in optimizer.param_groups:
            group["lr"] = cosine_rate(progress, RATE, warmup=0.03)
        indices, ids = feed.batch(step)
        loss = _loss(drawer, latents[indices], ids, torch.Generator().manual_seed(step))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(drawer.parameters(), 1.0)
        optimizer.step()
        _follow(average, drawer, decay=min(EMA_DECAY, (step + 1) / (step + 10)))
        log.add(step, loss=loss.item())
        if step % 250 == 249:
            save_state(state / "unet.pt", kept, step + 1, time.monotonic() - began)
    save_state(state / "unet.pt", kept, step + 1, time.monotonic() - began)
    return average


def load_average(state: Path) -> Drawer:
    """Return the averaged weights of the last saved state."""
    drawer = Drawer()
    saved = torch.load(state / "unet.pt", weights_only=True, mmap=True)
    drawer.load_state_dict(saved["average"])
    return drawer.eval()


@torch.no_grad()
def _take_over(drawer: Drawer, earlier: Path) -> None:
    """Copy an earlier base's weights; where a layer has grown, into its first rows and columns."""
    for part, folder, kind in (
        (drawer.unet, "unet", UNet2DConditionModel),
        (drawer.clip_l, "text_encoder", CLIPTextModel),
        (drawer.clip_g, "text_encoder_2", CLIPTextModelWithProjection),
    ):
        weights = kind.from_pretrained(earlier / folder, torch_dtype=torch.float32).state_dict()
        for name, tensor in part.state_dict().items():
            shared = tuple(map(min, tensor.shape, weights[name].shape))
            common = tuple(slice(size) for size in shared)
            tensor[common] = weights[name][common]


def _loss(
    drawer: Drawer, latents: torch.Tensor, ids: torch.Tensor, generator: torch.Generator
) -> torch.Tensor:
    """Return the weighted noise prediction error."""
    count = len(latents)
    noise = torch.randn(latents.shape, generator=generator)
    timesteps = _timesteps(count, generator)
    scheduler = build_scheduler()
    noisy = scheduler.add_noise(latents, noise, timesteps)
    predicted = drawer(noisy, timesteps, ids, repeats=count // len(ids))
    signal = scheduler.alphas_cumprod[timesteps]
    snr = signal / (1 - signal)
    weight = snr.clamp(*SNR_LIMITS) / snr
    loss: torch.Tensor = (weight * (predicted - noise).square().mean((1, 2, 3))).mean()
    return loss


def _timesteps(count: int, generator: torch.Generator) -> torch.Tensor:
    """Return timesteps in random order: a share of them late, the others spread evenly.

    A backdrop is decided in the first steps of drawing, where evenly spread timesteps seldom train.
    """
    late = round(LATE_SHARE * count)
    spread = torch.arange(count - late) + torch.rand(count - late, generator=generator)
    even = spread * 1000 / (count - late)
    last = LATE_FROM + (1000 - LATE_FROM) * torch.rand(late, generator=generator)
    timesteps = torch.cat([even, last]).long()
    return timesteps[torch.randperm(count, generator=generator)]


@torch.no_grad()
def _follow(average: nn.Module, drawer: nn.Module, *, decay: float) -> None:
    """Move the averaged weights towards the trained ones."""
    torch._foreach_lerp_(list(average.parameters()), list(drawer.parameters()), 1 - decay)
