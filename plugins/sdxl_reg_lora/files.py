"""LoRA files: tensors in, the bytes of kohya's format out, and back."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from sdxl_reg.formats.kohya import grouped
from sdxl_reg.formats.safetensors import read_header, serialise, write_file

DTYPES = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}


@dataclass(frozen=True, kw_only=True)
class LowRank:
    """What a LoRA adds to one linear layer.

    Attributes:
        down: Shape (rank, in).
        up: Shape (out, rank).
        scale: alpha / rank.
    """

    down: Tensor
    up: Tensor
    scale: float


def save_lora(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write a LoRA file; it appears whole or not at all, and equal content gives equal bytes.

    Args:
        path: The file, in a folder that exists.
        tensors: Under kohya's names.
        metadata: For the header; the hash of the tensors is added.
    """
    entries = {
        name: (DTYPES[tensor.dtype], tuple(tensor.shape), _raw(tensor))
        for name, tensor in tensors.items()
    }
    write_file(path, serialise(entries, metadata))


def load_lora(path: Path, known: Mapping[str, tuple[str, str]]) -> dict[tuple[str, str], LowRank]:
    """The layers a LoRA file changes.

    Args:
        path: In kohya's format, ours or another program's; an alpha that is missing or 0 means
            the rank, as in sd-scripts.
        known: Kohya's name → (part, module) of the base, from `formats.kohya.modules_by_name`.

    Returns:
        (part, module) → matrices in float32.

    Raises:
        NotFound: There is no such file.
        Corrupt: It is damaged, or a key of it matches nothing in the base.
    """
    stems = grouped(str(path), read_header(path).tensors, known)
    tensors = load_file(path)
    found = {}
    for target, stem in stems.items():
        down = tensors[f"{stem}.lora_down.weight"].float()
        rank = down.shape[0]
        alpha = float(tensors.get(f"{stem}.alpha", torch.tensor(0.0))) or rank
        up = tensors[f"{stem}.lora_up.weight"].float()
        found[target] = LowRank(down=down, up=up, scale=alpha / rank)
    return found


def _raw(tensor: Tensor) -> bytes:
    return tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
