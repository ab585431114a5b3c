"""Measures how often a drawn picture shows what its prompt asked for.

A small network, the judge, has learned product, colour and print from renders; the backdrop is
read off the picture's edge. The judge's own accuracy on renders it has never seen bounds what it
can tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random

import numpy as np
import torch
from diffusers import AutoencoderKL, StableDiffusionXLPipeline
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from micro.captions import (
    BACKGROUNDS,
    COLOURS,
    KINDS,
    PRINTS,
    Shot,
    article,
    combinations,
    is_held_out,
    prints_of,
    with_print,
)
from micro.dataset import rendered
from micro.network import PICTURE_SIZE
from micro.pictures import Pixels
from micro.progress import cosine_rate
from micro.vae import round_trip, to_tensor

STEPS, GUIDANCE, PICTURES_EACH = 20, 4.0, 4
JUDGE_STEPS, JUDGE_BATCH, JUDGE_RATE, SEED = 1200, 64, 3e-3, 5
ANSWERS = (KINDS, tuple(COLOURS), ("", *PRINTS))
"""What the judge chooses from: kinds, colours, prints."""


class Judge(nn.Module):
    """Tells product, colour and print from a picture; nothing of it is in the base."""

    def __init__(self) -> None:
        """Build four strided convolutions and one linear layer for all answers."""
        super().__init__()
        widths = (3, 24, 48, 64, 96)
        layers: list[nn.Module] = []
        for wide_in, wide_out in pairwise(widths):
            layers += [nn.Conv2d(wide_in, wide_out, 3, 2, 1), nn.BatchNorm2d(wide_out), nn.ReLU()]
        self.trunk = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(3), nn.Flatten())
        self.head = nn.Linear(96 * 9, sum(map(len, ANSWERS)))

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return scores of the kinds, of the colours and of the prints for pixels in -1 … 1."""
        scores: torch.Tensor = self.head(self.trunk(pixels))
        return torch.split(scores, [len(names) for names in ANSWERS], dim=1)

    @torch.no_grad()
    def answers(self, pictures: Pixels) -> list[tuple[str, ...]]:
        """Return each picture's kind, colour and print."""
        chosen = [scores.argmax(1).tolist() for scores in self.eval()(to_tensor(pictures))]
        return [
            tuple(names[i] for names, i in zip(ANSWERS, row, strict=True))
            for row in zip(*chosen, strict=True)
        ]


@dataclass(frozen=True, kw_only=True)
class Adherence:
    """How many of `pictures` show the asked product, colour, print, background, and all four."""

    pictures: int
    kind: int
    colour: int
    print: int
    background: int
    all_four: int

    def __str__(self) -> str:
        """Return one row of the documentation's table."""
        counts = (self.kind, self.colour, self.print, self.background, self.all_four)
        return " | ".join([str(self.pictures), *(f"{c / self.pictures:.1%}" for c in counts)])


def train_judge(
    shots: Sequence[Shot], pictures: NDArray[np.uint8], vae: AutoencoderKL, state: Path
) -> Judge:
    """Return the judge, trained on renders and on the autoencoder's copies of them, or as saved."""
    torch.manual_seed(SEED)
    judge = Judge()
    path = state / "judge.pt"
    if path.exists():
        judge.load_state_dict(torch.load(path, weights_only=True))
        return judge
    count = min(len(shots), 6000)
    copies = round_trip(vae, pictures[:count:2])
    inputs = np.concatenate([copies, pictures[1:count:2]])
    order = [*range(0, count, 2), *range(1, count, 2)]
    shown = [(shots[i].kind, shots[i].colour, shots[i].print) for i in order]
    truth = torch.tensor(
        [[names.index(word) for names, word in zip(ANSWERS, words, strict=True)] for words in shown]
    )
    optimizer = torch.optim.AdamW(judge.parameters(), lr=JUDGE_RATE)
    rng = np.random.default_rng(SEED)
    for step in range(JUDGE_STEPS):
        optimizer.param_groups[0]["lr"] = cosine_rate(step / JUDGE_STEPS, JUDGE_RATE, warmup=0.05)
        rows = rng.integers(len(inputs), size=JUDGE_BATCH)
        scores = judge(to_tensor(inputs[rows]))
        losses = [
            functional.cross_entropy(part, truth[rows, column])
            for column, part in enumerate(scores)
        ]
        loss = torch.stack(losses).sum()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    torch.save(judge.state_dict(), path)
    return judge


def background_of(picture: Pixels) -> str:
    """Return the backdrop whose colour is nearest to the median of the picture's corners."""
    edge = max(2, picture.shape[0] // 16)
    corners = [
        picture[y, x]
        for y in (slice(edge), slice(-edge, None))
        for x in (slice(edge), slice(-edge, None))
    ]
    seen = np.median(np.concatenate([corner.reshape(-1, 3) for corner in corners]), axis=0)
    return min(BACKGROUNDS, key=lambda name: float(np.abs(seen - BACKGROUNDS[name]).sum()))


def adherence(judge: Judge, shots: Sequence[Shot], pictures: Pixels) -> Adherence:
    """Compare pictures with what was asked for."""
    seen = [
        (*words, background_of(picture))
        for words, picture in zip(judge.answers(pictures), pictures, strict=True)
    ]
    wanted = [(shot.kind, shot.colour, shot.print, shot.background) for shot in shots]
    right = np.array(seen) == np.array(wanted)
    sums = right.sum(axis=0)
    return Adherence(
        pictures=len(shots),
        kind=int(sums[0]),
        colour=int(sums[1]),
        print=int(sums[2]),
        background=int(sums[3]),
        all_four=int(right.all(axis=1).sum()),
    )


def asked(*, held_out: bool) -> list[Shot]:
    """Return the shots to ask for: every held-out combination, or as many seen ones.

    Half of a combination's pictures are asked for with a print, each time another.
    """
    kept = [c for c in combinations() if is_held_out(*c)]
    seen = [c for c in combinations() if not is_held_out(*c)]
    chosen = kept if held_out else Random(SEED).sample(seen, len(kept))
    shots = []
    for number, (kind, colour, background) in enumerate(chosen):
        prints = prints_of(colour)
        for which in range(PICTURES_EACH):
            mark = prints[(number + which) % len(prints)] if which % 2 else ""
            shots.append(Shot(kind=kind, colour=colour, background=background, print=mark))
    return shots


def prompt_of(shot: Shot) -> str:
    """Return the plain sentence that asks for a shot."""
    product = f"{article(shot.colour)} {shot.colour} {shot.kind}{with_print(shot.print)}"
    return f"{product} on a {shot.background} background"


def draw(pipeline: StableDiffusionXLPipeline, prompts: Sequence[str], *, seed: int) -> Pixels:
    """Return one picture a prompt; picture i starts from seed `seed + i`."""
    pipeline.set_progress_bar_config(disable=True)
    parts = []
    for start in range(0, len(prompts), 16):
        chosen = list(prompts[start : start + 16])
        seeds = range(seed + start, seed + start + len(chosen))
        images = pipeline(
            chosen,
            height=PICTURE_SIZE,
            width=PICTURE_SIZE,
            num_inference_steps=STEPS,
            guidance_scale=GUIDANCE,
            generator=[torch.Generator().manual_seed(s) for s in seeds],
            output_type="np",
        ).images
        parts.append((images * 255).round().astype(np.uint8))
    return np.concatenate(parts)


def report(judge: Judge, vae: AutoencoderKL, pipeline: StableDiffusionXLPipeline) -> str:
    """Return the table of figures: renders, their copies, and drawn pictures, seen and held out."""
    rows = []
    for held_out in (False, True):
        shots = asked(held_out=held_out)
        truth = rendered(shots, size=PICTURE_SIZE, seed=900_000)
        drawn = draw(pipeline, [prompt_of(shot) for shot in shots], seed=1000)
        label = "held out" if held_out else "seen"
        sources = {"rendered": truth, "rendered, coded": round_trip(vae, truth), "drawn": drawn}
        for source, pictures in sources.items():
            rows.append(f"| {source}, {label} | {adherence(judge, shots, pictures)} |")
    return "\n".join(rows)
