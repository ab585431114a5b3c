"""Optimisers by name or import path, and the schedules of their learning rates."""

import importlib
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from sdxl_reg.errors import UnknownName, UsageError
from sdxl_reg.trainers.settings import OptimizerSettings

NAMED = {
    "AdamW": "torch.optim.AdamW",
    "AdamW8bit": "bitsandbytes.optim.AdamW8bit",
    "PagedAdamW8bit": "bitsandbytes.optim.PagedAdamW8bit",
    "Adafactor": "torch.optim.Adafactor",
    "Prodigy": "prodigyopt.Prodigy",
    "AdamWScheduleFree": "schedulefree.AdamWScheduleFree",
    "RAdamScheduleFree": "schedulefree.RAdamScheduleFree",
    "SGDScheduleFree": "schedulefree.SGDScheduleFree",
    "Lion": "lion_pytorch.Lion",
    "SGD": "torch.optim.SGD",
}
"""Kohya's name → where the class is; its package is installed by whoever wants it."""
ONE_RATE = frozenset({"Prodigy"})
"""Those that find the rate themselves: what is given is a factor, usually 1, for all parts."""
PACKAGES = {"prodigyopt": "prodigyopt", "lion_pytorch": "lion-pytorch"}


def made_optimizer(
    config: OptimizerSettings, groups: Sequence[dict[str, Any]]
) -> torch.optim.Optimizer:
    """An optimiser of parameter groups.

    Args:
        config: Names it, and its arguments.
        groups: Each with `params`, `lr` and `name`.

    Raises:
        UnknownName: No such optimiser.
        UsageError: Its package is not installed, or it does not take the arguments or the rates.
    """
    kind = _class_of(config.optimizer_type)
    arguments = dict(config.optimizer_args)
    if config.weight_decay is not None:
        arguments["weight_decay"] = config.weight_decay
    if rate_finder(config) and len(rates := {group["lr"] for group in groups}) > 1:
        raise UsageError(
            f"{config.optimizer_type} finds the rate of all parts together; they have "
            f"{', '.join(f'{rate:g}' for rate in sorted(rates))}",
            remedy="Give every part the same, usually 1: learning_rate and text_encoder_lr",
        )
    if kind is torch.optim.AdamW:
        arguments.setdefault("fused", True)  # one call for all tensors of a LoRA
    try:
        return kind([{**group, "params": list(group["params"])} for group in groups], **arguments)
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"{config.optimizer_type} does not take these settings: {error}",
            remedy="See optimizer_args, weight_decay and the learning rates",
        ) from error


def rate_finder(config: OptimizerSettings) -> str:
    """The name of an optimiser that finds the learning rate itself; empty for the others.

    Raises:
        UnknownName: No such optimiser.
        UsageError: Its package is not installed.
    """
    name = _class_of(config.optimizer_type).__name__
    return name if name in ONE_RATE else ""


def made_schedule(
    config: OptimizerSettings, optimizer: torch.optim.Optimizer, steps: int
) -> torch.optim.lr_scheduler.LRScheduler:
    """The schedule of an optimiser's learning rates, stepped after each step of it.

    Args:
        config: Names it, and its warm-up.
        optimizer: Whose rates it sets.
        steps: Of the whole training.
    """
    from diffusers.optimization import get_scheduler

    warmup = config.lr_warmup_steps
    found: torch.optim.lr_scheduler.LRScheduler = get_scheduler(
        config.lr_scheduler,
        optimizer,
        num_warmup_steps=int(warmup * steps if warmup < 1 else warmup),
        num_training_steps=steps,
        num_cycles=config.lr_scheduler_num_cycles,
        power=config.lr_scheduler_power,
    )
    return found


def set_mode(optimizer: torch.optim.Optimizer, *, training: bool) -> None:
    """Schedule-free optimisers keep other weights for drawing and saving than for training.

    Source: Defazio et al. 2024, arXiv:2405.15682; the others have no modes, and stay as they are.
    """
    change = getattr(optimizer, "train" if training else "eval", None)
    if change is not None:
        change()


def clip(parameters: Sequence[nn.Parameter], norm: float) -> float:
    """Clip gradients to a norm; 0 only measures.

    Returns:
        The norm of all of them together, before.
    """
    return float(nn.utils.clip_grad_norm_(parameters, norm or float("inf")))


def _class_of(name: str) -> type[torch.optim.Optimizer]:
    by_key = {known.casefold(): path for known, path in NAMED.items()}
    path = by_key.get(name.casefold(), name)
    module, dot, attribute = path.rpartition(".")
    if not dot or not all(path.split(".")):
        raise UnknownName("optimizer_type", name, NAMED)
    try:
        kind = getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        raise UsageError(
            f"optimizer_type {name}: {error}",
            remedy=f"Install it: pip install {PACKAGES.get(package, package)}",
        ) from error
    except AttributeError:
        raise UnknownName("optimizer_type", name, NAMED) from None
    if not (isinstance(kind, type) and issubclass(kind, torch.optim.Optimizer)):
        raise UsageError(f"optimizer_type {name}: not an optimiser of torch", remedy="Name another")
    return kind
