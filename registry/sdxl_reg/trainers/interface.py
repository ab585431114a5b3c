"""The plugin interface: a trainer is a kind, a configuration and two verbs.

A plugin registers an object of this shape in the entry point group `sdxl_reg.trainers`. Importing
the plugin must not import torch; its verbs import what they need when they are called. A trainer
knows nothing of the database: it takes a job, reports what happens and leaves files.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from sdxl_reg.trainers.config import TrainerConfig
from sdxl_reg.vocabulary import ArtifactKind, BaseFormat


@dataclass(frozen=True, kw_only=True)
class BaseModel:
    """The base checkpoint of a job, laid out on disk.

    Attributes:
        ref: How the registry calls it: `micro@1`.
        path: A diffusers folder or a single `.safetensors` file.
        format: Which of the two.
        config_path: For a single file, the diffusers folder with its configuration and tokenizers.
        sha256: Digest of the base: of the canonical list of its files.
        file_sha256: For a single file, of its bytes: what other programs know it by.
    """

    ref: str
    path: Path
    format: BaseFormat
    config_path: Path | None
    sha256: str
    file_sha256: str = ""


@dataclass(frozen=True, kw_only=True)
class TrainingImage:
    """One line of a frozen dataset.

    Attributes:
        path: Where its bytes lie.
        sha256: Of those bytes.
        caption: One line of text, possibly empty.
        tags: Path of tags, such as `qzy/flawed/spot`.
        repeats: How often an epoch shows it, ≥ 1.
        name: What people call it, such as `qzy/flawed/spot/xxx1.jpg`; may be empty.
        mask_path: A picture of the same size that says where the loss counts: white all, black
            nothing. Without one, all of it counts.
        mask_sha256: Of the mask's bytes.
        crop: Left, upper, right and lower edge of the part that is trained, as fractions of the
            upright picture; None: all of it. The mask is cut alike.
    """

    path: Path
    sha256: str
    caption: str
    tags: str
    repeats: int = 1
    name: str = ""
    mask_path: Path | None = None
    mask_sha256: str = ""
    crop: tuple[float, float, float, float] | None = None

    @property
    def title(self) -> str:
        """What messages call it."""
        return self.name or self.path.name


@dataclass(frozen=True, kw_only=True)
class TrainingJob:
    """Everything a trainer is told.

    Attributes:
        run_key: SHA-256 of everything that determines the files (settings, base, dataset); it goes
            into their metadata instead of the run's number: a repeated run gives equal bytes.
        config: The trainer's own configuration, validated.
        base: What to start from.
        images: What the dataset trains, in its frozen order.
        dataset_ref: `weipin@1`.
        dataset_sha256: Digest of the dataset version.
        output_name: File stem of what it makes: `weipin-lora`.
        output_path: Empty folder for the files.
        workspace_path: Folder for state; survives between attempts of the run.
        cache_path: Folder for what can be computed again, shared by all runs; its files are named
            by everything that determines them, so none is ever stale.
        validation_images: Pictures that the dataset holds out: never trained, only measured.
        class_images: Pictures of the class at large, for prior preservation (Ruiz et al. 2023).
        start_path: Weights of the same kind to start from, instead of new ones.
    """

    run_key: str
    config: TrainerConfig
    base: BaseModel
    images: Sequence[TrainingImage]
    dataset_ref: str
    dataset_sha256: str
    output_name: str
    output_path: Path
    workspace_path: Path
    cache_path: Path
    validation_images: Sequence[TrainingImage] = ()
    class_images: Sequence[TrainingImage] = ()
    start_path: Path | None = None


@dataclass(frozen=True, kw_only=True)
class TrainedVersion:
    """A file that became a version.

    Attributes:
        path: The file, complete and closed, inside the job's output folder.
        epoch: Epochs done, from 1.
        step: Optimiser steps done, from 1.
        loss: Mean training loss since the version before.
        details: Anything worth keeping with the version: trigger words, settings in effect.
        preview_path: A picture drawn with it.
    """

    path: Path
    epoch: int
    step: int
    loss: float
    details: dict[str, Any] = field(default_factory=dict)
    preview_path: Path | None = None


class Report(Protocol):
    """What a job says while it works; each call is durable at once."""

    def progress(self, done: int, total: int, what: str) -> None:
        """How far the present stage is; `what` names it in a word or two."""

    def metric(self, step: int, **values: float) -> None:
        """Numbers worth plotting, by name."""

    def version(self, version: TrainedVersion) -> None:
        """A finished version; it is recorded even when the run fails later."""

    def message(self, text: str) -> None:
        """A sentence for the user: a warning, or a decision that was taken."""

    def sample(self, step: int, prompt: str, path: Path) -> None:
        """A picture drawn while training; the file is complete."""


class Trainer(Protocol):
    """What a plugin registers."""

    @property
    def name(self) -> str:
        """What users type: `lora`."""

    @property
    def summary(self) -> str:
        """One line of help."""

    @property
    def kind(self) -> ArtifactKind:
        """What it makes."""

    @property
    def config(self) -> type[TrainerConfig]:
        """The settings it takes."""

    def train(self, job: TrainingJob, report: Report) -> list[Path]:
        """Train and save; every file was also reported as a version.

        Returns:
            The files, oldest first.
        """

    def applied(
        self, pipeline: Any, weights: Path, strength: float | Sequence[float]
    ) -> AbstractContextManager[None]:
        """Have a pipeline draw with the weights, for as long as the context lasts.

        Strength is a law: 0 leaves the base bit-equal, 1 is the artifact as trained, and leaving
        the context restores the base bit-equal.

        Args:
            pipeline: A `StableDiffusionXLPipeline`.
            weights: A file this trainer made, or another program's file of the same kind.
            strength: One value, or one for every row of the batch that the denoiser sees (with
                guidance, that is the number of pictures; the unconditional half repeats it).
        """
