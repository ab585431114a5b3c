"""Rendered pictures on disk: made once by a seed, read back as a memory map."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from micro.captions import Shot, training_shots
from micro.pictures import Pixels, paint
from micro.prints import printed

TRAINING_SEED = 20261123
TRAINING_PICTURES = 12_000


def render(shot: Shot, *, size: int, seed: int) -> Pixels:
    """Return a square picture of a shot, `size` pixels wide; the same bytes for the same seed."""
    rng = np.random.default_rng(seed)
    return printed(paint(shot, size=size, rng=rng), shot, rng).pixels()


def rendered(shots: Sequence[Shot], *, size: int, seed: int) -> Pixels:
    """Render shots, picture i by seed `seed + i`: bytes of shape (shots, size, size, 3)."""
    pictures = np.empty((len(shots), size, size, 3), dtype=np.uint8)
    for index, shot in enumerate(shots):
        pictures[index] = render(shot, size=size, seed=seed + index)
    return pictures


def training_set(
    state: Path, *, size: int, count: int = TRAINING_PICTURES
) -> tuple[list[Shot], NDArray[np.uint8]]:
    """Return the training shots and their pictures, rendering into `state` at the first call."""
    shots = training_shots(count, seed=TRAINING_SEED)
    path = state / f"pictures-{count}-{size}.npy"
    if not path.exists():
        state.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".part")
        with partial.open("wb") as file:
            np.save(file, rendered(shots, size=size, seed=TRAINING_SEED))
        partial.rename(path)
    return shots, np.load(path, mmap_mode="r")


def scribbled(pictures: Pixels, rng: np.random.Generator) -> Pixels:
    """Return a copy with random bands and discs of colour on the pictures.

    The autoencoder sees half of its pictures so: it has to carry marks that no product here has.
    """
    marked = pictures.copy()
    axis = np.arange(pictures.shape[1], dtype=np.float32)
    for picture in marked:
        for _ in range(rng.integers(1, 5)):
            cover = _stroke(axis, rng)
            colour = rng.uniform(0, 255, 3)
            picture[...] = (picture + cover[..., None] * (colour - picture)).astype(np.uint8)
    return marked


def _stroke(axis: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the cover (0–1) of one ring, disc or band with soft edges, anywhere."""
    size = len(axis)
    dx, dy = axis[None, :] - rng.uniform(0, size), axis[:, None] - rng.uniform(0, size)
    width = rng.uniform(1.5, 9)
    if rng.random() < 0.5:
        distance = np.abs(np.hypot(dx, dy) - rng.choice([0.0, rng.uniform(4, 20)]))
    else:
        angle, reach = rng.uniform(0, np.pi), rng.uniform(4, size)
        along = dx * np.cos(angle) + dy * np.sin(angle)
        across = dy * np.cos(angle) - dx * np.sin(angle)
        distance = np.maximum(np.abs(across), np.abs(along) - reach)
    cover: NDArray[np.float64] = np.clip(width - distance, 0, 1) * rng.uniform(0.4, 1.0)
    return cover
