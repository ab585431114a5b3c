"""LoRA files of every family as adapters, one for each layer that they change."""

import math
from collections.abc import Mapping
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor

from sdxl_reg.errors import Corrupt
from sdxl_reg.formats.lora.keys import ALPHA, DORA_SCALE, MAGNITUDES, ModuleKeys, grouped
from sdxl_reg.formats.lora.names import Target
from sdxl_reg.formats.lora.scales import PartScale, declared_scales
from sdxl_reg.formats.safetensors import read_header
from sdxl_reg_lora.changes import Adapter

RANKED = ("lora_down.weight", "hada_w1_b", "lokr_w2_b", "lokr_w1_b")
"""The tensors whose first side is the rank; the first one that is there counts."""


def load_lora(path: Path, known: Mapping[str, Target]) -> dict[Target, Adapter]:
    """The layers a LoRA file changes.

    An alpha stands in a tensor beside the matrices or in diffusers' header metadata. One that is
    nowhere means the rank, as in diffusers and sd-scripts, and so does a tensor of 0.

    Args:
        path: Of any family that `formats.lora.keys` knows.
        known: Name → module of the base, from `formats.lora.names.modules_by_name`.

    Returns:
        Module → its tensors in float32.

    Raises:
        NotFound: There is no such file.
        Corrupt: It is damaged, a key of it matches nothing in the base, or a tensor cannot be
            what its name says.
    """
    header = read_header(path)
    modules = grouped(str(path), header.tensors, known)
    declared = declared_scales(str(path), header.metadata)
    tensors = load_file(path)
    return {
        (part, module): _adapter(path, module, own, tensors, declared.get(part))
        for (part, module), own in modules.items()
    }


def _adapter(
    path: Path,
    module: str,
    own: ModuleKeys,
    tensors: Mapping[str, Tensor],
    declared: PartScale | None,
) -> Adapter:
    held = {name: tensors[key].float() for name, key in own.keys.items()}
    alpha = held.pop(ALPHA, None)
    if MAGNITUDES in held:  # peft's are one for each output, a convolution's on the second axis
        held[DORA_SCALE] = held.pop(MAGNITUDES).reshape(-1, 1)
    for name, tensor in held.items():
        least = 1 if name == DORA_SCALE else 2
        if not least <= tensor.ndim <= 4 or not tensor.numel():
            raise Corrupt(path, f"{own.keys.get(name, name)} has the shape {list(tensor.shape)}")
    rank = next((len(held[name]) for name in RANKED if name in held), None)
    if rank is None:
        scale = 1.0
    elif alpha is not None:
        scale = (_number(path, own.keys[ALPHA], alpha) or rank) / rank
    else:
        scale = declared.scale(module, rank) if declared else 1.0
    return Adapter(algorithm=own.algorithm, tensors=held, scale=scale)


def _number(path: Path, key: str, tensor: Tensor) -> float:
    if tensor.numel() != 1 or not math.isfinite(tensor):
        raise Corrupt(path, f"{key} is no number")
    return float(tensor)
