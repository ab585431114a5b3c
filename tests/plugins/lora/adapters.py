"""Random adapters of the tiny base, under any names that a file may give them."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from sdxl_reg.formats.lora.kohya_names import kohya_name
from sdxl_reg.formats.lora.names import Target
from sdxl_reg.training.base import PARTS
from sdxl_reg_lora.network import target_modules, unet_shape

Adapters = dict[Target, dict[str, Tensor]]
"""Module → tensors by their names in `SUFFIXES`."""


def random_loras(
    pipeline: Any, parts: tuple[str, ...] = PARTS, *, rank: int = 4, convolutions: bool = False
) -> Adapters:
    """Plain LoRA for every layer, large enough to show, of alpha 2, in half precision."""
    generator = torch.Generator().manual_seed(0)
    found: Adapters = {}
    for target, layer in adapted_layers(pipeline, parts, convolutions=convolutions).items():
        out, *fan_in = layer.weight.shape
        down = torch.randn(rank, *fan_in, generator=generator) * 0.3 / 9 ** (len(fan_in) == 3)
        up = torch.randn(out, rank, *[1] * (len(fan_in) - 1), generator=generator) * 0.3
        found[target] = {
            "lora_down.weight": down.half(),
            "lora_up.weight": up.half(),
            "alpha": torch.tensor(2.0).half(),
        }
    return found


def adapted_layers(
    pipeline: Any, parts: tuple[str, ...] = PARTS, *, convolutions: bool = False
) -> dict[Target, nn.Linear | nn.Conv2d]:
    """The layers that a LoRA of the tiny base changes, with convolutions or without."""
    return {
        (part, path): getattr(pipeline, part).get_submodule(path)
        for part in parts
        for path in target_modules(part, getattr(pipeline, part), convolutions=convolutions)
    }


def by_kohya(pipeline: Any) -> Callable[[str, str], str]:
    """Kohya's names for the modules of a pipeline."""
    shape = unet_shape(pipeline.unet)
    return lambda part, path: kohya_name(part, path, shape)


def named(
    adapters: Adapters,
    name: Callable[[str, str], str],
    spellings: Mapping[str, str] | None = None,
) -> dict[str, Tensor]:
    """The tensors of a file.

    Args:
        adapters: What it holds.
        name: Part and path → how its keys begin.
        spellings: Suffix → how its keys end, where that is not a dot and the suffix.
    """
    return {
        name(part, path) + (spellings or {}).get(suffix, f".{suffix}"): tensor
        for (part, path), own in adapters.items()
        for suffix, tensor in own.items()
    }
