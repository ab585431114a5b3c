"""What a training will do, known before it begins: steps, order of the pictures, files to save."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from sdxl_reg_lora.config import LoraConfig


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Steps and files of a training.

    Attributes:
        shown: Index of the picture of each showing of an epoch; repeats stand side by side.
        batch_size: Pictures a step.
        batches_per_epoch: Steps of a whole epoch; the last batch may be smaller.
        epochs: Epochs begun by the end.
        steps: Optimiser steps in all.
        files: Step after which a file is saved → its name; the last step is among them.
    """

    shown: tuple[int, ...]
    batch_size: int
    batches_per_epoch: int
    epochs: int
    steps: int
    files: dict[int, str]


def planned(config: LoraConfig, repeats: Sequence[int], name: str) -> Plan:
    """The plan of a training.

    Args:
        config: The trainer's settings; `max_train_steps` goes before `max_train_epochs`.
        repeats: How often an epoch shows each picture.
        name: Stem of the files.
    """
    shown = tuple(np.repeat(np.arange(len(repeats)), repeats).tolist())
    per_epoch = math.ceil(len(shown) / config.train_batch_size)
    steps = config.max_train_steps or per_epoch * config.max_train_epochs
    return Plan(
        shown=shown,
        batch_size=config.train_batch_size,
        batches_per_epoch=per_epoch,
        epochs=math.ceil(steps / per_epoch),
        steps=steps,
        files=_files(config, steps, per_epoch, name),
    )


def batches(plan: Plan, seed: int) -> Iterator[tuple[int, list[int]]]:
    """(step, indices of its pictures) for every step from 1; each epoch in a new order.

    The order of an epoch depends on the seed and the epoch alone.
    """
    for step in range(1, plan.steps + 1):
        epoch, batch = divmod(step - 1, plan.batches_per_epoch)
        order = np.random.default_rng((seed, epoch)).permutation(plan.shown)
        start = batch * plan.batch_size
        yield step, order[start : start + plan.batch_size].tolist()


def rate_factor(config: LoraConfig, step: int, steps: int) -> float:
    """What the learning rate is multiplied by at a step.

    Args:
        config: Names the curve and its warm-up.
        step: From 1.
        steps: Of the whole training.

    Returns:
        In 0 … 1; never 0 at the first step.
    """
    warmup = config.lr_warmup_steps
    if step <= warmup:
        return step / warmup
    progress = (step - 1 - warmup) / max(1, steps - warmup)
    if config.lr_scheduler == "linear":
        return 1 - progress
    if config.lr_scheduler == "cosine":
        return 0.5 * (1 + math.cos(math.pi * progress))
    return 1.0


def _files(config: LoraConfig, steps: int, per_epoch: int, name: str) -> dict[int, str]:
    if every := config.save_every_n_steps:
        files = {step: f"{name}-step{step:08d}.safetensors" for step in range(every, steps, every)}
    else:
        stride = config.save_every_n_epochs or 1
        files = {
            epoch * per_epoch: f"{name}-{epoch:06d}.safetensors"
            for epoch in range(stride, math.ceil(steps / per_epoch), stride)
        }
    return files | {steps: f"{name}.safetensors"}
