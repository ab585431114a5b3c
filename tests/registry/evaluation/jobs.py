"""Jobs on the tiny base for the tests of drawing, and a report that keeps what it hears."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sdxl_reg.jobs.pictures import AdapterUse, PictureSpec, picture_key
from sdxl_reg.jobs.spec import BaseSpec, CellSpec, DrawSpec, VersionSpec
from sdxl_reg.vocabulary import BaseFormat

BASE = "tiny@1"
SMALL: dict[str, Any] = {"base": BASE, "width": 64, "height": 64, "num_inference_steps": 3}
RED, BLUE = "a red mug", "a blue shoe"


class Heard:
    """A report that keeps everything it hears."""

    def __init__(self) -> None:
        self.cells: dict[str, Path] = {}
        self.failed: dict[str, str] = {}
        self.scores: dict[tuple[str, str], float] = {}
        self.stages: list[tuple[int, int, str]] = []
        self.metrics: list[tuple[int, dict[str, float]]] = []
        self.messages: list[str] = []

    def progress(self, done: int, total: int, what: str) -> None:
        self.stages.append((done, total, what))

    def metric(self, step: int, **values: float) -> None:
        self.metrics.append((step, values))

    def message(self, text: str) -> None:
        self.messages.append(text)

    def cell(self, key: str, path: Path) -> None:
        assert path.is_file()
        self.cells[key] = path

    def cell_failed(self, key: str, reason: str) -> None:
        self.failed[key] = reason

    def score(self, key: str, metric: str, scorer: str, value: float) -> None:
        assert scorer
        self.scores[key, metric] = value

    def scored(self, metric: str) -> set[str]:
        return {key for key, name in self.scores if name == metric}


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def use(ref: str, strength: float = 1.0, text_strength: float | None = None) -> AdapterUse:
    return AdapterUse(ref=ref, strength=strength, text_strength=text_strength)


def picture(prompt: str = RED, *uses: AdapterUse, **fields: Any) -> PictureSpec:
    return PictureSpec(**{**SMALL, "prompt": prompt, "adapters": uses, "seed": 7, **fields})


def loras(paths: Sequence[Path]) -> dict[str, VersionSpec]:
    """`x-lora@1` and so on."""
    return {
        f"x-lora@{number}": version(f"x-lora@{number}", path)
        for number, path in enumerate(paths, start=1)
    }


def version(ref: str, path: Path, trainer: str = "lora") -> VersionSpec:
    return VersionSpec(ref=ref, name=path.stem, trainer=trainer, path=path, sha256=sha256(path))


def base_spec(ref: str, path: Path) -> BaseSpec:
    digest = hashlib.sha256(ref.encode()).hexdigest()
    return BaseSpec(ref=ref, path=path, format=BaseFormat.DIFFUSERS, sha256=digest)


def digests_of(spec: DrawSpec) -> dict[str, str]:
    """Reference → SHA-256, of all that takes part."""
    found = {ref: base.sha256 for ref, base in spec.bases.items()}
    return found | {ref: one.sha256 for ref, one in spec.versions.items()}


def job(
    base: Path,
    versions: Mapping[str, VersionSpec] | None = None,
    pictures: Iterable[PictureSpec] = (),
    **changes: Any,
) -> DrawSpec:
    """A job of some pictures; those of one key stand once."""
    spec = DrawSpec(
        run=3,
        **{
            "bases": {BASE: base_spec(BASE, base)},
            "versions": dict(versions or {}),
            "cells": [],
            "batch_size": 4,
            **changes,
        },
    )
    cells = {picture_key(one, digests_of(spec)): one for one in pictures}
    keyed = [CellSpec(key=key, picture=one) for key, one in cells.items()]
    return spec.model_copy(update={"cells": keyed}) if keyed else spec


def grid_of(
    base: Path,
    paths: Sequence[Path],
    strengths: Sequence[float] = (0, 0.5, 1),
    prompts: Sequence[str] = (RED, BLUE),
    **changes: Any,
) -> DrawSpec:
    """A job as a grid of LoRAs has it."""
    versions = loras(paths)
    pictures = [
        picture(prompt, use(ref, strength))
        for prompt in prompts
        for ref in versions
        for strength in strengths
    ]
    return job(base, versions, pictures, **changes)
