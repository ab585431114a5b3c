"""Hypernetwork files: the registry's safetensors, and the `.pt` that A1111 and ComfyUI read.

The `.pt` is one dictionary: width (an int) → the weights of the network for keys and of that for
values, beside the facts under A1111's names.

Source: stable-diffusion-webui 1.10 `modules/hypernetworks/hypernetwork.py` and `modules/safe.py`
(which files inside the archive it lets pass); ComfyUI `comfy_extras/nodes_hypernetwork.py`.
"""

import io
import re
import zipfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from sdxl_reg.diffusion.weights import save_weights
from sdxl_reg.errors import Corrupt, InvalidValue
from sdxl_reg.formats.hypernetwork import (
    HypernetworkFacts,
    facts_from,
    from_metadata,
    to_metadata,
)
from sdxl_reg.formats.hypernetwork_weights import (
    NETS,
    require_complete,
    tensor_name,
    weight_shapes,
)
from sdxl_reg.formats.pickles import outline
from sdxl_reg.formats.safetensors import read_header, write_file

Weights = dict[str, Tensor]
"""Name, as the registry keeps it → weight."""
_READ_BY_A1111 = re.compile(r"[^/]+/(?:data\.pkl|data/\d+|version)")
_NO_DATE = (1980, 1, 1, 0, 0, 0)


def save_hypernetwork(
    path: Path,
    weights: Mapping[str, Tensor],
    facts: HypernetworkFacts,
    *,
    metadata: Mapping[str, str],
) -> None:
    """Write the registry's file, whole or not at all.

    Args:
        path: A `.safetensors` file in a folder that exists.
        weights: Name → weight; all that the facts ask for.
        facts: Go into the header.
        metadata: More for the header.

    Raises:
        Corrupt: A weight is missing, of another shape, or too much.
    """
    require_complete(path, _shapes(weights), facts)
    save_weights(path, weights, {**metadata, **to_metadata(facts)})


def load_hypernetwork(path: Path) -> tuple[Weights, HypernetworkFacts]:
    """What the registry's file holds, on the CPU.

    Args:
        path: A `.safetensors` file.

    Raises:
        NotFound: There is no such file.
        Corrupt: It is no safetensors file, or no complete hypernetwork.
    """
    header = read_header(path)
    facts = from_metadata(path, header.metadata)
    require_complete(path, {name: info.shape for name, info in header.tensors.items()}, facts)
    return load_file(path), facts


def write_pt(safetensors_path: Path, pt_path: Path) -> None:
    """Write a hypernetwork of the registry as A1111 and ComfyUI read it, whole or not at all.

    Only numbers, text, lists and tensors stand in it, so that `torch.load(weights_only=True)`
    takes it. A1111 1.10 refuses archives with files that newer versions of PyTorch add for
    themselves: these are left out.

    Args:
        safetensors_path: The registry's file.
        pt_path: The new one, in a folder that exists.

    Raises:
        NotFound: There is no such file.
        Corrupt: It is no safetensors file, or no complete hypernetwork.
    """
    weights, facts = load_hypernetwork(safetensors_path)
    widths = require_complete(safetensors_path, _shapes(weights), facts)
    document: dict[int | str, Any] = {width: _networks(weights, facts, width) for width in widths}
    for name, value in asdict(facts).items():
        if value is not None and value != "":
            document[name] = list(value) if isinstance(value, tuple) else value
    stream = io.BytesIO()
    torch.save(document, stream)
    write_file(pt_path, _as_a1111_reads(stream))


def read_pt(path: Path) -> tuple[Weights, HypernetworkFacts]:
    """What a `.pt` hypernetwork holds; nothing in it is run.

    Args:
        path: As A1111 saves it.

    Returns:
        The weights under the registry's names, and the facts; what it does not say is as A1111
        takes it then.

    Raises:
        NotFound: There is no such file.
        Corrupt: It is no PyTorch archive of plain data, or no complete hypernetwork.
    """
    outline(path)
    document = torch.load(path, map_location="cpu", weights_only=True)
    if not isinstance(document, dict):
        raise Corrupt(path, "it holds no hypernetwork")
    try:
        facts = facts_from(document)
        weights = {
            tensor_name(width, net, name): tensor
            for width, networks in document.items()
            if isinstance(width, int)
            for net, network in zip(NETS, networks, strict=True)
            for name, tensor in network.items()
        }
        shapes = _shapes(weights)
    except InvalidValue as error:
        raise Corrupt(path, error.message, remedy=error.remedy) from None
    except (AttributeError, TypeError, ValueError):
        raise Corrupt(path, "its networks are not two dictionaries of tensors a width") from None
    require_complete(path, shapes, facts)
    return weights, facts


def _networks(weights: Weights, facts: HypernetworkFacts, width: int) -> tuple[Weights, ...]:
    """In the order of the layers, by which ComfyUI puts them together."""
    return tuple(
        {
            name: weights[tensor_name(width, net, name)].clone()
            for name in weight_shapes(facts, width)
        }
        for net in NETS
    )


def _shapes(weights: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in weights.items()}


def _as_a1111_reads(stream: io.BytesIO) -> bytes:
    """A PyTorch archive without the files inside that A1111 does not know."""
    kept = io.BytesIO()
    with zipfile.ZipFile(stream) as archive, zipfile.ZipFile(kept, "w") as plain:
        for name in archive.namelist():
            if _READ_BY_A1111.fullmatch(name):
                plain.writestr(zipfile.ZipInfo(name, date_time=_NO_DATE), archive.read(name))
    return kept.getvalue()
