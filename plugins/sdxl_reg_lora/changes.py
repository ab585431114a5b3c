"""What an adapter changes of one layer's weights, for every algorithm.

Plain LoRA stays two narrow layers; every other algorithm becomes one dense change ΔW, of the shape
of the weights W.

Source: LoRA: Hu et al. 2021, arXiv:2106.09685; LoHa: Hyeon-Woo et al. 2022, arXiv:2108.06098;
LoKr: Yeh et al. 2024, arXiv:2309.14859; DoRA: Liu et al. 2024, arXiv:2402.09353. Shapes and scales
are those of LyCORIS' `modules/` (with `rebuild_tucker` of `functional/general.py`), which
A1111's `extensions-builtin/Lora` and ComfyUI's `comfy/weight_adapter` read.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from sdxl_reg.formats.lora.keys import DORA_SCALE

Layer = nn.Linear | nn.Conv2d


@dataclass(frozen=True, kw_only=True)
class Adapter:
    """What a LoRA file holds for one layer.

    Attributes:
        algorithm: `lora`, `loha` or `lokr`.
        tensors: By their names in `formats.lora.keys.SUFFIXES`, and DoRA's magnitudes if there are
            any; in float32, whose 24 bits hold every number of a narrower format.
        scale: Of the product of the matrices: alpha / rank.
    """

    algorithm: str
    tensors: Mapping[str, Tensor]
    scale: float

    @property
    def is_low_rank(self) -> bool:
        """Whether it is plain LoRA, which needs no dense change."""
        return self.tensors.keys() == {"lora_down.weight", "lora_up.weight"}


def product(algorithm: str, tensors: Mapping[str, Tensor]) -> Tensor:
    """What the matrices of an adapter make together, not yet scaled.

    Args:
        algorithm: `lora`, `loha` or `lokr`.
        tensors: Of the adapter; on the meta device only the shape is found out.

    Returns:
        Shape (out, in, height, width), or (out, the product of the others).
    """
    return _PRODUCTS[algorithm](tensors)


def change(adapter: Adapter, weight: Tensor) -> Tensor:
    """The dense change ΔW of a layer's weights.

    Args:
        adapter: Fits the layer: its product has as many numbers as the weights.
        weight: Of the base, shape (out, in) or (out, in, height, width).

    Returns:
        Shape of `weight`, float32, on its device.
    """
    own = {name: tensor.to(weight.device) for name, tensor in adapter.tensors.items()}
    update = product(adapter.algorithm, own).reshape(weight.shape) * adapter.scale
    if DORA_SCALE in own:
        return decomposed(weight.float(), update, own[DORA_SCALE]) - weight.float()
    return update


def decomposed(weight: Tensor, update: Tensor, magnitudes: Tensor) -> Tensor:
    """DoRA's weights m · (W + ΔW) / ‖W + ΔW‖ (Liu et al. 2024, equation 5).

    Args:
        weight: W, shape (out, in, …).
        update: ΔW of the same shape, scaled.
        magnitudes: m, shape (out, 1, …), with norms over everything but the outputs, or
            (1, in, …), with norms over everything but the inputs, as LyCORIS has it with
            `wd_on_out=False`.

    Returns:
        Shape of `weight`.
    """
    updated = weight + update
    kept = kept_axis(magnitudes, weight)
    axes = [axis for axis in range(weight.ndim) if axis != kept]
    norms: Tensor = torch.linalg.vector_norm(updated, dim=axes, keepdim=True)
    return updated * (magnitudes.reshape(norms.shape) / (norms + torch.finfo(norms.dtype).eps))


def kept_axis(magnitudes: Tensor, weight: Tensor) -> int:
    """The axis of the weights that has a magnitude for each place: 0 outputs, 1 inputs."""
    return 0 if magnitudes.shape[0] == weight.shape[0] else 1


def low_rank_operations(
    layer: Layer, adapter: Adapter
) -> tuple[Callable[[Tensor], Tensor], Callable[[Tensor, Tensor], Tensor]]:
    """The two halves of a plain LoRA; a convolution's steps are in the first, as the base does.

    Args:
        layer: Of the base.
        adapter: Fits it and is low-rank.

    Returns:
        down: x → (rows, …, rank), not yet scaled; and up: what is low and y → y + up(low), in one
        matrix product where the layer is linear.
    """
    down, up = (adapter.tensors[name] for name in ("lora_down.weight", "lora_up.weight"))
    first = operation(layer, down.reshape(-1, *layer.weight.shape[1:]))
    second = up.reshape(len(up), -1, *[1] * (layer.weight.ndim - 2)).to(layer.weight)
    if isinstance(layer, nn.Linear):
        return (
            first,
            lambda low, y: y.flatten(0, -2).addmm_(low.flatten(0, -2), second.t()).view_as(y),
        )
    return first, lambda low, y: y.add_(functional.conv2d(low, second))


def operation(layer: Layer, weight: Tensor) -> Callable[[Tensor], Tensor]:
    """What a layer does, without its bias and with other weights.

    Args:
        layer: Says stride, padding (which may change while drawing: see `diffusion.tiling`),
            device and number format.
        weight: Shape (any, in, …) as the layer's own.
    """
    weight = weight.to(layer.weight)
    if isinstance(layer, nn.Linear):
        return lambda x: functional.linear(x, weight)
    return lambda x: layer._conv_forward(x, weight, None)  # pads as the layer does at that time


def _lora(own: Mapping[str, Tensor]) -> Tensor:
    down, up = own["lora_down.weight"], own["lora_up.weight"].flatten(1)
    if "lora_mid.weight" in own:
        return _tucker(own["lora_mid.weight"], up.t(), down.flatten(1))
    return up @ down.flatten(1)


def _loha(own: Mapping[str, Tensor]) -> Tensor:
    """(w1_a w1_b) ∘ (w2_a w2_b)."""
    return _factor(own, "hada_w1", "hada_t1") * _factor(own, "hada_w2", "hada_t2")


def _lokr(own: Mapping[str, Tensor]) -> Tensor:
    """w1 ⊗ w2, where w2 may have a convolution's height and width."""
    first, second = _factor(own, "lokr_w1", ""), _factor(own, "lokr_w2", "lokr_t2")
    first = first.reshape(*first.shape, *[1] * (second.ndim - 2))
    return torch.kron(first, second.contiguous())  # which torch.kron wants of a convolution's


def _factor(own: Mapping[str, Tensor], name: str, core: str) -> Tensor:
    """A factor that is there whole, as two matrices, or as two matrices around a core."""
    if name in own:
        return own[name]
    left, right = own[f"{name}_a"], own[f"{name}_b"]
    return _tucker(own[core], left, right) if core in own else left @ right.flatten(1)


def _tucker(core: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """Tucker's form of a convolution: core (r, s, …), left (r, out), right (s, in)."""
    return torch.einsum("rs...,ro,si->oi...", core, left, right)


_PRODUCTS: Mapping[str, Callable[[Mapping[str, Tensor]], Tensor]] = {
    "lora": _lora,
    "loha": _loha,
    "lokr": _lokr,
}
