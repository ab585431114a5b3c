"""The attention layers of a U-Net, and hypernetworks before the keys and values of them.

What is changed is the input of to_k and to_v, by torch's forward pre-hooks: so it does not matter
which attention processor is at work, nor what else the two layers have become
(docs/decisions/0012-hypernetworks-act-before-to-k-and-to-v.md).
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from sdxl_reg_hypernetwork.network import Network

Strength = Callable[[Tensor], float | Tensor]
"""Input of a network → the strength that it acts at, for all rows or of shape (rows, 1, 1)."""
_NETS = {"to_k": "k", "to_v": "v"}


@dataclass(frozen=True, kw_only=True)
class Projection:
    """A layer that makes keys or values out of an attention context.

    Attributes:
        layer: The layer; takes shape (rows, tokens, width).
        width: Of the context.
        net: `k` or `v`.
    """

    layer: nn.Module
    width: int
    net: str


def projections(unet: nn.Module) -> Iterator[Projection]:
    """Every layer of a U-Net that makes keys or values, in the order of the network."""
    for path, layer in unet.named_modules():
        if net := _NETS.get(path.rpartition(".")[2]):
            width: Any = layer.in_features
            yield Projection(layer=layer, width=int(width), net=net)


def context_widths(unet: nn.Module) -> dict[int, int]:
    """Width of attention context → how many attention layers have it, narrowest first.

    Returns:
        For full-size SDXL: 640 → 10 and 1280 → 60 of self-attention, 2048 → 70 of the text.
    """
    counts = Counter(each.width for each in projections(unet) if each.net == "k")
    return dict(sorted(counts.items()))


def text_width(unet: Any) -> int:
    """The width of the text context."""
    return int(unet.config.cross_attention_dim)


def described_widths(unet: Any) -> str:
    """The widths of a U-Net's attention contexts in words."""
    text = text_width(unet)
    others = [str(width) for width in context_widths(unet) if width != text]
    return f"{text} (text), {', '.join(others)} (self-attention)" if others else f"{text} (text)"


def insert(unet: nn.Module, networks: nn.ModuleDict, strength: Strength) -> list[RemovableHandle]:
    """Have networks change what the keys and values of a U-Net are made of.

    Args:
        unet: Its layers call the networks from now on, those that stand there before first.
        networks: Width, in digits → `k` and `v` → `Network`; contexts of other widths stay.
        strength: Of a network, asked for at every call.

    Returns:
        What takes each of them away again.
    """
    return [
        each.layer.register_forward_pre_hook(_before(_network(networks, each), strength))
        for each in projections(unet)
        if str(each.width) in networks
    ]


def _network(networks: nn.ModuleDict, projection: Projection) -> Network:
    pair: Any = networks[str(projection.width)]
    found: Network = pair[projection.net]
    return found


def _before(network: Network, strength: Strength) -> Callable[..., tuple[Any, ...]]:
    def changed(_: nn.Module, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        context, *others = arguments
        return (network(context, strength(context)), *others)

    return changed
