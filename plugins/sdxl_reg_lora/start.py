"""Starting from the adapters of a file: which layers get one, of which rank, with which values."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sdxl_reg.errors import UsageError
from sdxl_reg.formats.lora.keys import DORA_SCALE
from sdxl_reg.training.base import PARTS, Base
from sdxl_reg_lora.apply import fitting_adapters
from sdxl_reg_lora.changes import Adapter
from sdxl_reg_lora.config import LARGEST_RANK, LoraConfig
from sdxl_reg_lora.files import RANKED
from sdxl_reg_lora.network import values_of

Begun = dict[str, dict[str, Adapter]]
"""Part → path of a layer → what a file holds for it."""


def adapters_to_start_from(base: Base, config: LoraConfig, path: Path) -> Begun:
    """The adapters of a file, for the parts that are trained.

    Args:
        base: The adapters have to fit it.
        config: Its algorithm has to be theirs.
        path: A LoRA of any family.

    Returns:
        An entry for every part; empty where the file has none.

    Raises:
        Corrupt: The file is damaged or made for another base.
        UsageError: It is of another algorithm, or has adapters for a part that is not trained,
            which would be lost.
    """
    found: Begun = {part: {} for part in PARTS}
    for (part, module), adapter in fitting_adapters(base.pipeline, path).items():
        if (algorithm := algorithm_of(adapter)) != config.algorithm:
            raise UsageError(
                f"{path} is of the algorithm {algorithm}, not {config.algorithm}",
                remedy=f"Set algorithm = {algorithm}",
            )
        if not config.rate_of(part):
            raise UsageError(
                f"{path} has adapters of the {part}, whose learning rate is 0: they would be lost",
                remedy=f"Give it a learning rate ({part}_lr), however small",
            )
        found[part][module] = adapter
    return found


def algorithm_of(adapter: Adapter) -> str:
    """An adapter's algorithm under the name that settings have for it."""
    return "dora" if DORA_SCALE in adapter.tensors else adapter.algorithm


def rank_of(adapter: Adapter) -> int:
    """The rank of an adapter; for LoKr of two whole factors, which has none, the largest one."""
    ranks = (len(adapter.tensors[name]) for name in RANKED if name in adapter.tensors)
    return next(ranks, LARGEST_RANK)


@torch.no_grad()
def take_up(module: nn.Module, adapters: Mapping[str, Adapter]) -> None:
    """Give new adapters a file's values.

    Args:
        module: A part with adapters of the ranks of the file.
        adapters: Path → what the file holds.

    Raises:
        UsageError: A tensor has another shape than training gives it.
    """
    for path, adapter in adapters.items():
        layer: Any = module.get_submodule(path)
        own = values_of(layer)
        for name, value in adapter.tensors.items():
            _copy(path, name, value, own.get(name))


def _copy(path: str, name: str, value: Tensor, into: Tensor | None) -> None:
    if into is None or into.numel() != value.numel():
        wanted = "none" if into is None else str(list(into.shape))
        raise UsageError(
            f"{path}: {name} of the file has the shape {list(value.shape)}, training needs "
            f"{wanted}",
            remedy="Start from a file that was trained here, or from new adapters",
        )
    into.copy_(value.reshape(into.shape))
