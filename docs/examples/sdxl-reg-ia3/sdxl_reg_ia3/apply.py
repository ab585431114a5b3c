"""Scaling the keys and values of a U-Net's attention, at a strength.

Source: Liu et al. 2022, arXiv:2205.05638, section 3.3: k becomes l_k ⊙ k, v becomes l_v ⊙ v. Kept
and trained is the change l − 1: weight decay then draws it to the base, and half precision keeps
small changes exact.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from sdxl_reg.diffusion.strength import checked_strengths, row_factors
from sdxl_reg.errors import Corrupt
from sdxl_reg.formats.safetensors import read_header

SUFFIX = ".ia3"
"""Of a tensor's name in a file, after that of the layer it scales."""


@contextmanager
def applied(pipeline: Any, weights: Path, strength: float | Sequence[float]) -> Iterator[None]:
    """Have a pipeline draw with scales for as long as the context lasts.

    Keys and values y become y · (1 + strength · (l − 1)), by hooks on the layers that make them: no
    weight is touched, and at strength 0 y · 1 is y, bit by bit.

    Args:
        pipeline: A `StableDiffusionXLPipeline`.
        weights: A file of this trainer.
        strength: One value, or one for every picture of the batch.

    Raises:
        NotFound: There is no such file.
        Corrupt: It is damaged, or made for another base.
        InvalidValue: A strength is out of range, or (while drawing) the batch is no multiple of
            the strengths.
    """
    strengths = torch.tensor(checked_strengths(strength), device=pipeline.unet.device)
    changes = fitting_changes(weights, pipeline.unet)
    with ExitStack() as stack:
        for name, layer in scaled_layers(pipeline.unet).items():
            hook = _hook(changes[name].to(strengths), strengths)
            stack.callback(layer.register_forward_hook(hook).remove)
        yield


def scaled_layers(unet: nn.Module) -> dict[str, Any]:
    """The layers that make keys and values, by name: `….attn1.to_k`."""
    return {
        name: layer for name, layer in unet.named_modules() if name.endswith((".to_k", ".to_v"))
    }


def scaled(output: Tensor, change: Tensor, strength: float | Tensor) -> Tensor:
    """Keys or values with every channel scaled; rounded to their precision once, at the end.

    Args:
        output: Shape (rows, tokens, channels).
        change: Shape (channels,), float32: l − 1.
        strength: Of all rows, or of shape (rows, 1, 1) and float32.
    """
    return (output * (1 + strength * change)).to(output.dtype)


def fitting_changes(path: Path, unet: nn.Module) -> dict[str, Tensor]:
    """What a file changes, for every layer that `scaled_layers` gives.

    Args:
        path: A file of this trainer.
        unet: Of the base.

    Returns:
        Name of the layer → l − 1, shape (channels,).

    Raises:
        NotFound: There is no such file.
        Corrupt: It is damaged, or made for another base.
    """
    layers = scaled_layers(unet)
    wanted = {name + SUFFIX: (layer.out_features,) for name, layer in layers.items()}
    if {name: info.shape for name, info in read_header(path).tensors.items()} != wanted:
        raise Corrupt(
            path,
            f"it does not hold a vector for each of this base's {len(wanted)} keys and values",
            remedy="Use a file of the ia3 trainer with the base that it was trained for",
        )
    tensors = load_file(path)
    return {name: tensors[name + SUFFIX] for name in layers}


def _hook(change: Tensor, strengths: Tensor) -> Callable[[Any, Any, Tensor], Tensor]:
    return lambda layer, inputs, output: scaled(output, change, row_factors(strengths, output))
