"""What a training will do, known before it begins: steps, order of the pictures, what is saved.

The order depends on the seed and the epoch alone, so that a run can be taken up at any step.
Nothing here imports torch.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from sdxl_reg.formats.kohya.buckets import Size
from sdxl_reg.trainers.settings import DenoisingConfig

VERSIONS = 5
"""About how many versions a training leaves when nothing is said."""


@dataclass(frozen=True, kw_only=True)
class Showing:
    """A picture as often as an epoch shows it.

    Attributes:
        index: Of the picture.
        bucket: The size in which it is trained.
        repeats: Showings an epoch.
    """

    index: int
    bucket: Size
    repeats: int


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of the optimiser.

    Attributes:
        number: From 1.
        epoch: From 1.
        batches: Indices of pictures; their gradients are averaged.
    """

    number: int
    epoch: int
    batches: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Steps and files of a training.

    Attributes:
        buckets: Size → index of the picture of each showing of an epoch.
        batch_size: Pictures a batch.
        accumulation: Batches a step.
        batches_per_epoch: Batches of one epoch; the last one of a bucket may be smaller.
        steps_per_epoch: Steps of one epoch.
        epochs: Epochs begun by the end.
        steps: Optimiser steps in all.
        files: Step after which a version is saved → stem of its name; the last step is among them.
        states: Steps after which the state is saved.
        samples: Steps after which sample pictures are drawn.
        validations: Steps after which the validation loss is measured.
    """

    buckets: dict[Size, tuple[int, ...]]
    batch_size: int
    accumulation: int
    batches_per_epoch: int
    steps_per_epoch: int
    epochs: int
    steps: int
    files: dict[int, str]
    states: frozenset[int]
    samples: frozenset[int]
    validations: frozenset[int]

    @property
    def showings(self) -> int:
        """Pictures of an epoch, repeats counted."""
        return sum(map(len, self.buckets.values()))


def planned(config: DenoisingConfig, showings: Sequence[Showing], name: str) -> Plan:
    """The plan of a training.

    Args:
        config: `max_train_steps` goes before `max_train_epochs`.
        showings: The pictures that are trained.
        name: Stem of the files.
    """
    buckets = _by_bucket(showings)
    batches = sum(math.ceil(len(shown) / config.train_batch_size) for shown in buckets.values())
    per_epoch = math.ceil(batches / config.gradient_accumulation_steps)
    steps = config.max_train_steps or per_epoch * config.max_train_epochs
    files = _files(config, steps, per_epoch, name)
    return Plan(
        buckets=buckets,
        batch_size=config.train_batch_size,
        accumulation=config.gradient_accumulation_steps,
        batches_per_epoch=batches,
        steps_per_epoch=per_epoch,
        epochs=math.ceil(steps / per_epoch),
        steps=steps,
        files=files,
        states=_every(config.save_state_every_n_steps, steps) or frozenset(files),
        samples=_every(config.sample_every_n_steps or per_epoch, steps),
        validations=_every(config.validate_every_n_steps or per_epoch, steps) | {steps},
    )


def steps_after(plan: Plan, seed: int, done: int) -> Iterator[Step]:
    """The steps that are left.

    Args:
        plan: The plan.
        seed: Of the training.
        done: Steps that were done before.
    """
    epoch, order = -1, []
    for index in range(done, plan.steps):
        if epoch != index // plan.steps_per_epoch:
            epoch = index // plan.steps_per_epoch
            order = _batches(plan, np.random.default_rng((seed, epoch)))
        start = index % plan.steps_per_epoch * plan.accumulation
        yield Step(
            number=index + 1,
            epoch=epoch + 1,
            batches=tuple(order[start : start + plan.accumulation]),
        )


def _batches(plan: Plan, chance: np.random.Generator) -> list[tuple[int, ...]]:
    """The batches of an epoch: pictures shuffled inside their buckets, then the batches."""
    batches = []
    for shown in plan.buckets.values():
        order = chance.permutation(shown).tolist()
        batches += [
            tuple(order[start : start + plan.batch_size])
            for start in range(0, len(order), plan.batch_size)
        ]
    return [batches[index] for index in chance.permutation(len(batches))]


def _by_bucket(showings: Sequence[Showing]) -> dict[Size, tuple[int, ...]]:
    found: dict[Size, list[int]] = {}
    for showing in showings:
        found.setdefault(showing.bucket, []).extend([showing.index] * showing.repeats)
    return {size: tuple(found[size]) for size in sorted(found)}


def _files(config: DenoisingConfig, steps: int, per_epoch: int, name: str) -> dict[int, str]:
    if every := config.save_every_n_steps:
        files = {step: f"{name}-step{step:08d}" for step in range(every, steps, every)}
    else:
        epochs = math.ceil(steps / per_epoch)
        stride = config.save_every_n_epochs or math.ceil(epochs / VERSIONS)
        files = {
            epoch * per_epoch: f"{name}-{epoch:06d}" for epoch in range(stride, epochs, stride)
        }
    return files | {steps: name}


def _every(stride: int | None, steps: int) -> frozenset[int]:
    return frozenset(range(stride, steps + 1, stride)) if stride else frozenset()
