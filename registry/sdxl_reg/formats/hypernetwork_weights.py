"""The weights of a hypernetwork: which there are, of which shapes, and under which names.

It holds two networks, for keys and for values, for each width of context that it changes. The
registry keeps them as `hypernet.<width>.<k|v>.linear.<place>.<weight|bias>`; a place counts every
layer, those without weights too.

Source: stable-diffusion-webui 1.10 `modules/hypernetworks/hypernetwork.py`.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sdxl_reg.errors import Corrupt
from sdxl_reg.formats.hypernetwork import HypernetworkFacts

NETS = ("k", "v")
UNKNOWN = "unknown"
_FAMILY_BY_WIDTH = {2048: "sdxl", 768: "sd1", 1024: "sd2"}  # of the text; 640 and 1280 tell nothing
_NAME = re.compile(r"hypernet\.(\d+)\.([kv])\.(linear\.\d+\.(?:weight|bias))")


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One layer of a network; its place in the list is the number in its weights' names.

    Attributes:
        kind: What it is; an activation is the one that the facts name.
        inputs: Width that goes in, as a multiple of the context's.
        outputs: Width that comes out.
        rate: Of dropout.
    """

    kind: Literal["linear", "activation", "norm", "dropout"]
    inputs: float
    outputs: float
    rate: float = 0.0


def layers_of(facts: HypernetworkFacts) -> list[Layer]:
    """The layers of each network, in the order in which they are applied."""
    layers = []
    last = len(facts.layer_structure) - 2
    for number, (inputs, outputs) in enumerate(
        zip(facts.layer_structure[:-1], facts.layer_structure[1:], strict=True)
    ):
        layers.append(Layer(kind="linear", inputs=inputs, outputs=outputs))
        if facts.activation_func != "linear" and (number < last or facts.activate_output):
            layers.append(Layer(kind="activation", inputs=outputs, outputs=outputs))
        if facts.is_layer_norm:
            layers.append(Layer(kind="norm", inputs=outputs, outputs=outputs))
        if rate := facts.dropout[number + 1]:
            layers.append(Layer(kind="dropout", inputs=outputs, outputs=outputs, rate=rate))
    return layers


def weight_shapes(facts: HypernetworkFacts, width: int) -> dict[str, tuple[int, ...]]:
    """The weights of one network: name inside it → shape, in A1111's order.

    Args:
        facts: Of the hypernetwork.
        width: Of the context that it changes.

    Returns:
        With the defaults and width 640: `linear.0.weight` is (1280, 640).
    """
    shapes: dict[str, tuple[int, ...]] = {}
    for place, layer in enumerate(layers_of(facts)):
        outputs, inputs = int(width * layer.outputs), int(width * layer.inputs)
        if layer.kind in ("linear", "norm"):
            shapes[f"linear.{place}.weight"] = (
                (outputs, inputs) if layer.kind == "linear" else (outputs,)
            )
            shapes[f"linear.{place}.bias"] = (outputs,)
    return shapes


def tensor_name(width: int, net: str, weight: str) -> str:
    """The name under which the registry keeps a weight.

    Args:
        width: Of the context.
        net: `k` or `v`.
        weight: `linear.0.weight`.
    """
    return f"hypernet.{width}.{net}.{weight}"


def widths_in(names: Iterable[str]) -> list[int]:
    """The widths of context that a file with these tensor names changes, smallest first."""
    return sorted({int(match[1]) for name in names if (match := _NAME.fullmatch(name))})


def family_of(widths: Iterable[int]) -> str:
    """The family of a hypernetwork: `sdxl`, `sd1`, `sd2`, or `unknown`.

    Args:
        widths: The widths of context that it changes; its text's tells the family.
    """
    found = set(widths)
    return next((name for width, name in _FAMILY_BY_WIDTH.items() if width in found), UNKNOWN)


def require_complete(
    path: Path, shapes: Mapping[str, tuple[int, ...]], facts: HypernetworkFacts
) -> list[int]:
    """The widths of a hypernetwork whose weights are all there and no others.

    Args:
        path: Of the file, for the message.
        shapes: Tensor name, as the registry keeps it → shape.
        facts: What the file says of itself.

    Raises:
        Corrupt: A weight is missing, is of another shape than the facts ask for, or is no weight
            of a hypernetwork.
    """
    widths = widths_in(shapes)
    expected = {
        tensor_name(width, net, weight): shape
        for width in widths
        for net in NETS
        for weight, shape in weight_shapes(facts, width).items()
    }
    if not expected:
        raise Corrupt(path, "it holds no hypernetwork")
    for name, shape in expected.items():
        if name not in shapes:
            raise Corrupt(path, f"{name} is missing, which {_described(facts)} has")
        if tuple(shapes[name]) != shape:
            raise Corrupt(path, f"{name} is {tuple(shapes[name])}, {_described(facts)} has {shape}")
    if strange := sorted(set(shapes) - set(expected)):
        raise Corrupt(path, f"{strange[0]} is no weight of {_described(facts)}")
    return widths


def _described(facts: HypernetworkFacts) -> str:
    widths = ", ".join(f"{width:g}" for width in facts.layer_structure)
    norm = " with layer norm" if facts.is_layer_norm else ""
    return f"a hypernetwork of {widths} ({facts.activation_func}{norm})"
