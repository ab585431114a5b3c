"""Safetensors files of given shapes, for what is told by names and shapes alone."""

from collections.abc import Mapping
from pathlib import Path

from sdxl_reg.formats.safetensors import serialise, write_file

TO_K = "lora_unet_input_blocks_4_1_transformer_blocks_0_attn2_to_k.lora_down.weight"


def shaped_file(
    path: Path, shapes: Mapping[str, tuple[int, int]], metadata: Mapping[str, str]
) -> Path:
    """A file with tensors of these shapes, all zeros, one byte a number."""
    tensors = {
        name: ("F8_E4M3", shape, bytes(shape[0] * shape[1])) for name, shape in shapes.items()
    }
    write_file(path, serialise(tensors, metadata))
    return path
