"""One adapted layer in training: base and low-rank matrices in as few operations as it takes.

peft's layer gives the same numbers (tests/plugins/lora/test_layers.py) in a dozen calls and with a
copy of the output for each; here the low-rank product is added into the output, and a backward
pass of our own keeps nothing but the input and the narrow product.

Source: Hu et al. 2021, arXiv:2106.09685, section 4.1; the three dropouts are those of sd-scripts'
`networks/lora.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn

ADAPTER = "default"


@dataclass(frozen=True, kw_only=True)
class Dropouts:
    """Shares that are left out in training, each in 0 … 1.

    Attributes:
        network: Of the values at the inner width.
        rank: Of the ranks, for each picture.
        module: Of the adapters.
    """

    network: float = 0.0
    rank: float = 0.0
    module: float = 0.0


NONE = Dropouts()


def adapted_forward(layer: LoraLayer, dropouts: Dropouts) -> Callable[[Tensor], Tensor]:
    """A forward for a layer with an adapter, in place of peft's.

    Args:
        layer: A linear layer or a convolution that peft has adapted.
        dropouts: While the layer is in training mode.

    Returns:
        A function of x, shape (batch, …, in) or (batch, channels, height, width), which reads the
        layer's weights when it is called.
    """
    base: Any = layer.get_base_layer()
    combined = _linear if isinstance(base, nn.Linear) else _convolution
    scale = float(layer.scaling[ADAPTER])

    def forward(x: Tensor) -> Tensor:
        if layer.training and dropouts.module and torch.rand(()) < dropouts.module:
            unchanged: Tensor = base(x)
            return unchanged
        down, up = layer.lora_A[ADAPTER].weight, layer.lora_B[ADAPTER].weight
        return combined(x, base, down, up, scale, dropouts if layer.training else NONE)

    return forward


class _LowRankLinear(torch.autograd.Function):
    """y = x Wᵀ + b + s (x Aᵀ ∘ keep) Bᵀ for rows x; W and b are frozen."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        down: Tensor,
        up: Tensor,
        scale: float,
        keep: Tensor | None,
    ) -> Tensor:
        narrow = x @ down.to(x.dtype).t()
        if keep is not None:
            narrow = narrow * keep
        y = nn.functional.linear(x, weight, bias)
        y.addmm_(narrow, up.to(x.dtype).t(), alpha=scale)
        ctx.save_for_backward(x, weight, down, up, narrow, keep)
        ctx.scale = scale
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, down, up, narrow, keep = ctx.saved_tensors
        (dy,) = gradients
        d_up = (dy.t() @ narrow).to(up.dtype).mul_(ctx.scale)
        d_narrow = (dy @ up.to(dy.dtype)).mul_(ctx.scale)
        if keep is not None:
            d_narrow = d_narrow * keep
        d_down = (d_narrow.t() @ x).to(down.dtype)
        dx = None
        if ctx.needs_input_grad[0]:
            dx = dy @ weight
            dx.addmm_(d_narrow, down.to(dy.dtype))
        return dx, None, None, d_down, d_up, None, None


def _linear(
    x: Tensor, base: nn.Linear, down: Tensor, up: Tensor, scale: float, dropouts: Dropouts
) -> Tensor:
    rank = len(down)
    rows = x.to(base.weight.dtype).reshape(-1, x.shape[-1])
    keep = _kept((*x.shape[:-1], rank), -1, dropouts)
    if keep is not None:
        keep = keep.to(rows).expand(*x.shape[:-1], rank).reshape(-1, rank)
    y: Tensor = _LowRankLinear.apply(rows, base.weight, base.bias, down, up, scale, keep)  # type: ignore[no-untyped-call]
    return y.reshape(*x.shape[:-1], -1)


def _convolution(
    x: Tensor, base: nn.Conv2d, down: Tensor, up: Tensor, scale: float, dropouts: Dropouts
) -> Tensor:
    x = x.to(base.weight.dtype)
    y: Tensor = base(x)
    narrow = nn.functional.conv2d(
        x, down.to(x.dtype), None, base.stride, base.padding, base.dilation
    )
    keep = _kept(tuple(narrow.shape), 1, dropouts)
    if keep is not None:
        narrow = narrow * keep.to(narrow)
    return y + scale * nn.functional.conv2d(narrow, up.to(x.dtype))


def _kept(shape: tuple[int, ...], axis: int, dropouts: Dropouts) -> Tensor | None:
    """What is kept at the inner width, scaled so that the mean stays; None where all is.

    Args:
        shape: Of the values at the inner width; the batch comes first.
        axis: Of the ranks.
        dropouts: The shares that are left out.

    Returns:
        A tensor that spreads to the shape.
    """
    keep = None
    if dropouts.rank:
        narrow = [shape[0], *[1] * (len(shape) - 1)]
        narrow[axis] = shape[axis]
        keep = (torch.rand(narrow) >= dropouts.rank) / (1 - dropouts.rank)
    if dropouts.network:
        each = (torch.rand(shape) >= dropouts.network) / (1 - dropouts.network)
        keep = each if keep is None else keep * each
    return keep
