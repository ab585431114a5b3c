"""Drawing with a LoRA at a strength, or at a strength of its own for each picture of a batch."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sdxl_reg.diffusion.strength import checked_strengths, forward_replaced, row_factors
from sdxl_reg.errors import Corrupt
from sdxl_reg.formats.lora.keys import DORA_SCALE
from sdxl_reg.formats.lora.names import Target, modules_by_name
from sdxl_reg.formats.sgm import shape_of
from sdxl_reg.training.base import PARTS
from sdxl_reg_lora.changes import (
    Adapter,
    Layer,
    change,
    kept_axis,
    low_rank_operations,
    operation,
    product,
)
from sdxl_reg_lora.files import load_lora


@contextmanager
def applied(pipeline: Any, weights: Path, strength: float | Sequence[float]) -> Iterator[None]:
    """Have a pipeline draw with a LoRA for as long as the context lasts.

    No weight of the base is touched: its layers' forward gives y + strength · scale · up(down(x))
    for plain LoRA and y + strength · ΔW x for every other algorithm, DoRA among them, whose ΔW is
    the difference to the base at strength 1 (as in A1111 and ComfyUI). So a strength of 0 leaves
    the base bit-equal and leaving the context restores it.

    Args:
        pipeline: A `StableDiffusionXLPipeline`.
        weights: A LoRA of any family that `files.load_lora` reads.
        strength: One value, or one for every picture of the batch; with guidance the batch holds
            the pictures twice, and the values are repeated.

    Raises:
        NotFound: There is no such file.
        Corrupt: It does not fit the pipeline.
        InvalidValue: A strength is not a finite number, or (while drawing) the batch is no
            multiple of the strengths.

    Accuracy: equal to diffusers' `load_lora_weights` and `set_adapters`, and to peft's layers of
        each algorithm, within 1e-5 (tests/plugins/lora/test_apply.py, test_algorithms.py).
    """
    strengths = checked_strengths(strength)
    adapters = fitting_adapters(pipeline, weights)
    with ExitStack() as stack:
        if any(strengths):
            for (part, module), adapter in adapters.items():
                layer = getattr(pipeline, part).get_submodule(module)
                stack.enter_context(forward_replaced(layer, _forward(layer, adapter, strengths)))
        yield


def fitting_adapters(pipeline: Any, path: Path) -> dict[Target, Adapter]:
    """The adapters of a file, each of which fits the layer that it changes.

    Args:
        pipeline: A `StableDiffusionXLPipeline`.
        path: A LoRA of any family that `files.load_lora` reads.

    Raises:
        NotFound: There is no such file.
        Corrupt: It does not fit the pipeline.
    """
    parts = {part: getattr(pipeline, part) for part in PARTS}
    layers = {
        (part, name): layer
        for part, module in parts.items()
        for name, layer in module.named_modules()
        if isinstance(layer, Layer)
    }
    names = {part: [name for owner, name in layers if owner == part] for part in parts}
    adapters = load_lora(path, modules_by_name(names, shape_of(pipeline.unet.config)))
    for target, adapter in adapters.items():
        _require_fitting(path, layers[target], adapter, target[1])
    return adapters


def _require_fitting(path: Path, layer: Layer, adapter: Adapter, name: str) -> None:
    """Refuse an adapter whose tensors make no change of the shape of a layer's weights."""
    weight = layer.weight
    shapes = ", ".join(f"{key} {list(own.shape)}" for key, own in adapter.tensors.items())
    if _made_shape(adapter) != weight.flatten(1).shape:
        raise Corrupt(
            path,
            f"its tensors for {name} ({shapes}) make no change of the base's {list(weight.shape)}",
            remedy="Use it with the base that it was trained for",
        )
    magnitudes = adapter.tensors.get(DORA_SCALE)
    if magnitudes is not None and magnitudes.numel() != weight.shape[kept_axis(magnitudes, weight)]:
        raise Corrupt(
            path,
            f"its magnitudes for {name} ({shapes}) do not fit the base's {list(weight.shape)}",
            remedy="Use it with the base that it was trained for",
        )


def _made_shape(adapter: Adapter) -> torch.Size | None:
    """The shape (out, in …) of what the tensors make, without making it; None if they do not."""
    own = {name: tensor.to("meta") for name, tensor in adapter.tensors.items()}
    try:
        return product(adapter.algorithm, own).flatten(1).shape
    except RuntimeError:  # torch's word for matrices that cannot be multiplied
        return None


def _forward(layer: Layer, adapter: Adapter, strengths: list[float]) -> Callable[[Tensor], Tensor]:
    base: Callable[[Tensor], Tensor] = layer.forward
    like = layer.weight
    if not adapter.is_low_rank:
        added = operation(layer, change(adapter, like.detach()))
        factors = torch.tensor(strengths).to(like)
        return lambda x: _plus(base(x), added(x), factors)
    down, up = low_rank_operations(layer, adapter)
    factors = (torch.tensor(strengths) * adapter.scale).to(like)

    def forward(x: Tensor) -> Tensor:
        y, low = base(x), down(x)
        return up(low * row_factors(factors, low), y)

    return forward


def _plus(y: Tensor, added: Tensor, factors: Tensor) -> Tensor:
    return torch.addcmul(y, added, row_factors(factors, added))
