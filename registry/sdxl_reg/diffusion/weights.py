"""Tensors into safetensors files: whole or not at all, equal content as equal bytes."""

import hashlib
from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sdxl_reg.formats.safetensors import header_bytes, write_file

DTYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}
"""torch's number formats → safetensors' names of them."""


def save_weights(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write a safetensors file, one tensor at a time: nothing is copied whole.

    Args:
        path: The file, in a folder that exists.
        tensors: On any device.
        metadata: For the header; `sshs_model_hash`, the SHA-256 of the tensors' bytes, is added.
    """
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(_raw(tensors[name]))
    shapes = {name: (DTYPES[tensor.dtype], tuple(tensor.shape)) for name, tensor in tensors.items()}
    head = header_bytes(shapes, dict(metadata) | {"sshs_model_hash": digest.hexdigest()})
    write_file(path, chain([head], (_raw(tensors[name]) for name in sorted(tensors))))


def _raw(tensor: Tensor) -> memoryview:
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    values: Any = flat.view(torch.uint8).numpy()
    return memoryview(values)
