"""What both trainings share: a resumable state on disk, a log, and a learning-rate curve."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch


class Stateful(Protocol):
    """Anything with a state to keep: a module, an optimizer."""

    def state_dict(self) -> dict[str, Any]:
        """Return the state."""

    def load_state_dict(self, state_dict: Any) -> Any:
        """Take up a state."""


class Log:
    """Appends the mean of every hundred steps to a text file."""

    def __init__(self, path: Path, *, every: int = 100) -> None:
        """Write to `path`, one line for `every` steps."""
        self._path, self._every = path, every
        self._sums: dict[str, float] = {}
        self._count = 0
        self._since = time.monotonic()

    def add(self, step: int, **values: float) -> None:
        """Count a step's figures in."""
        self._count += 1
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        if (step + 1) % self._every == 0:
            means = "  ".join(f"{name} {s / self._count:.4f}" for name, s in self._sums.items())
            pace = (time.monotonic() - self._since) / self._count
            with self._path.open("a") as file:
                file.write(f"{step + 1:6d}  {means}  {pace:.3f} s/step\n")
            self._sums, self._count, self._since = {}, 0, time.monotonic()


def cosine_rate(progress: float, peak: float, *, warmup: float) -> float:
    """Return the learning rate at `progress` (0–1): a linear rise, then half a cosine to zero."""
    if progress < warmup:
        return peak * max(progress / warmup, 0.01)
    return peak * 0.5 * (1 + math.cos(math.pi * (progress - warmup) / (1 - warmup)))


def save_state(path: Path, parts: Mapping[str, Stateful], step: int, elapsed_s: float) -> None:
    """Write the parts' state, whole or not at all."""
    values: dict[str, Any] = {name: part.state_dict() for name, part in parts.items()}
    partial = path.with_suffix(".part")
    torch.save({"step": step, "elapsed_s": elapsed_s, **values}, partial)
    partial.replace(path)


def load_state(path: Path, parts: Mapping[str, Stateful]) -> tuple[int, float]:
    """Take up a saved state; return its step and the seconds spent, zeros when there is none."""
    if not path.exists():
        return 0, 0.0
    saved = torch.load(path, weights_only=True)
    for name, part in parts.items():
        part.load_state_dict(saved[name])
    return int(saved["step"]), float(saved["elapsed_s"])
