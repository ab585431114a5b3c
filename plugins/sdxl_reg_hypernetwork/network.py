"""The networks of a hypernetwork: for each width of context one for keys and one for values.

Source: stable-diffusion-webui v1.10.1, `modules/hypernetworks/hypernetwork.py`; initialisations:
Glorot and Bengio 2010, He et al. 2015, arXiv:1502.01852.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal, cast

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from sdxl_reg.errors import InvalidValue
from sdxl_reg.formats.hypernetwork import HypernetworkFacts, from_metadata
from sdxl_reg.formats.hypernetwork_weights import NETS, Layer, layers_of, require_complete
from sdxl_reg.formats.safetensors import read_header

PREFIX = "hypernet."
"""Before the path of a tensor inside `made_networks`, it is the tensor's name in a file."""
NORMAL_DEVIATION = 0.01
_OTHER_NAMES = {"linear": nn.Identity, "swish": nn.Hardswish}


class Network(nn.Module):
    """x + strength · linear(x), the same width out as in.

    Args:
        facts: Layers, activation, normalisation and dropout.
        width: Of x.
    """

    def __init__(self, facts: HypernetworkFacts, width: int) -> None:
        super().__init__()
        layers = [_made(layer, facts.activation_func, width) for layer in layers_of(facts)]
        self.linear = nn.Sequential(*layers)

    def forward(self, x: Tensor, strength: float | Tensor = 1.0) -> Tensor:
        """What to_k or to_v is given instead of x.

        Args:
            x: Shape (rows, tokens, width).
            strength: One value, or shape (rows, 1, 1).

        Returns:
            Shape of x.
        """
        changed: Tensor = x + self.linear(x) * strength
        return changed


def made_networks(facts: HypernetworkFacts, widths: Iterable[int]) -> nn.ModuleDict:
    """New networks, their first values drawn from torch's global generator.

    Args:
        facts: What they are made of.
        widths: Of the contexts.

    Returns:
        Width, in digits → `k` and `v` → `Network`.

    Raises:
        InvalidValue: A layer would have no width at all.
    """
    networks = _empty(facts, widths)
    for layer in networks.modules():
        if isinstance(layer, nn.Linear | nn.LayerNorm):
            _initialise(layer, facts)
    return networks


def loaded_networks(path: Path) -> tuple[HypernetworkFacts, nn.ModuleDict]:
    """The networks of a file, in evaluation mode, in float32 and without gradients.

    Args:
        path: The registry's safetensors file.

    Returns:
        What it says of itself, and the networks as `made_networks` gives them.

    Raises:
        NotFound: There is no such file.
        Corrupt: It is damaged, or its tensors are not those that its metadata asks for.
    """
    header = read_header(path)
    facts = from_metadata(path, header.metadata)
    shapes = {name: tensor.shape for name, tensor in header.tensors.items()}
    widths = require_complete(path, shapes, facts)
    with torch.device("meta"):  # no first values are drawn
        networks = _empty(facts, widths)
    tensors = {name.removeprefix(PREFIX): value.float() for name, value in load_file(path).items()}
    networks.load_state_dict(tensors, assign=True)
    return facts, networks.requires_grad_(False).eval()


def file_tensors(networks: nn.ModuleDict, dtype: torch.dtype) -> dict[str, Tensor]:
    """The tensors of networks under the names of the registry's file.

    Args:
        networks: As `made_networks` gives them.
        dtype: Of every tensor.
    """
    return {
        PREFIX + name: value.detach().to("cpu", dtype)
        for name, value in networks.state_dict().items()
    }


def activation(name: str) -> nn.Module:
    """An activation by A1111's name: one of two of its own, or torch's class in small letters."""
    known = {kind.lower(): kind for kind in nn.modules.activation.__all__}
    found = _OTHER_NAMES.get(name) or getattr(nn, known[name])
    return cast(nn.Module, found())


def _empty(facts: HypernetworkFacts, widths: Iterable[int]) -> nn.ModuleDict:
    return nn.ModuleDict(
        {
            str(width): nn.ModuleDict({net: Network(facts, width) for net in NETS})
            for width in widths
        }
    )


def _made(layer: Layer, activation_func: str, width: int) -> nn.Module:
    inputs, outputs = int(width * layer.inputs), int(width * layer.outputs)
    if not outputs:
        raise InvalidValue(
            f"layer_structure at width {width}", layer.outputs, remedy=f"At least 1/{width}"
        )
    match layer.kind:
        case "linear":
            return nn.Linear(inputs, outputs)
        case "norm":
            return nn.LayerNorm(outputs)
        case "dropout":
            return nn.Dropout(layer.rate)
        case "activation":
            return activation(activation_func)


@torch.no_grad()
def _initialise(layer: nn.Linear | nn.LayerNorm, facts: HypernetworkFacts) -> None:
    """First values as in A1111, which gives a normalisation's weights no 1 either."""
    nonlinearity: Literal["leaky_relu", "relu"] = "relu"
    if facts.activation_func == "leakyrelu":
        nonlinearity = "leaky_relu"
    nn.init.zeros_(layer.bias)
    how = "Normal" if isinstance(layer, nn.LayerNorm) else facts.weight_initialization
    match how:
        case "XavierUniform":
            nn.init.xavier_uniform_(layer.weight)
        case "XavierNormal":
            nn.init.xavier_normal_(layer.weight)
        case "KaimingUniform":
            nn.init.kaiming_uniform_(layer.weight, nonlinearity=nonlinearity)
        case "KaimingNormal":
            nn.init.kaiming_normal_(layer.weight, nonlinearity=nonlinearity)
        case _:
            nn.init.normal_(layer.weight, std=NORMAL_DEVIATION)
