"""Safetensors files of given shapes, for what is told by names and shapes alone."""

import math
from collections.abc import Mapping
from pathlib import Path

from sdxl_reg.formats.checkpoint import SGM_CONTEXT, SGM_PARTS
from sdxl_reg.formats.safetensors import serialise, write_file

TO_K = "lora_unet_input_blocks_4_1_transformer_blocks_0_attn2_to_k.lora_down.weight"
FIRST_NORM = "conditioner.embedders.0.transformer.text_model.final_layer_norm.weight"
SECOND_NORM = "conditioner.embedders.1.model.ln_final.weight"


def shaped_file(
    path: Path, shapes: Mapping[str, tuple[int, ...]], metadata: Mapping[str, str]
) -> Path:
    """A file with tensors of these shapes, all zeros, one byte a number."""
    tensors = {name: ("F8_E4M3", shape, bytes(math.prod(shape))) for name, shape in shapes.items()}
    write_file(path, serialise(tensors, metadata))
    return path


def sdxl_file(path: Path, *, widths: tuple[int, int], marks: tuple[str, ...] = ()) -> Path:
    """A file with the names and widths of an SDXL base, and hardly any weights."""
    shapes: dict[str, tuple[int, ...]] = {prefix + "x": (1,) for prefix in SGM_PARTS.values()}
    norms = {FIRST_NORM: widths[:1], SECOND_NORM: widths[1:]}
    empty = dict.fromkeys(marks, (0,))
    return shaped_file(path, shapes | norms | empty | {SGM_CONTEXT: (1, sum(widths))}, {})
