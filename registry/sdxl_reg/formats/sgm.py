"""The original (SGM) layout's names for the modules of a U-Net of SDXL's shape.

The block numbers follow from the configuration: with n layers per block, input block
1 + i·(n+1) + j is layer j of down block i (its downsampler where j = n), and output block
i·(n+1) + j is layer j of up block i. Inside a block place 0 is the residual layer, place 1 the
transformer, and an upsampler stands behind whatever is there.

Source: generative-models' `openaimodel.py`, as the release `sd_xl_base_1.0.safetensors` names it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sdxl_reg.errors import InvalidValue

RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
"""A residual layer's modules: diffusers' name → the original one."""
OUTER = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
"""Modules outside of the blocks: diffusers' path → the original one."""
PLACES = {"resnets": 0, "attentions": 1}
"""Where a block keeps the layers that diffusers lists by kind."""
_BLOCK = re.compile(r"(down|up)_blocks\.(\d+)\.(resnets|attentions)\.(\d+)\.(.+)")
_DOWNSAMPLER = re.compile(r"down_blocks\.(\d+)\.downsamplers\.0\.conv")
_UPSAMPLER = re.compile(r"up_blocks\.(\d+)\.upsamplers\.0\.conv")
_MIDDLE = re.compile(r"mid_block\.(resnets|attentions)\.(\d+)\.(.+)")


@dataclass(frozen=True, kw_only=True)
class UnetShape:
    """What of a U-Net's configuration the names depend on.

    Attributes:
        layers_per_block: Residual layers of a down block; an up block has one more.
        attention_up_blocks: Numbers of the up blocks with transformers; by default SDXL's.
    """

    layers_per_block: int
    attention_up_blocks: frozenset[int] = frozenset({0, 1})


def shape_of(config: Mapping[str, Any]) -> UnetShape:
    """The shape of a U-Net by its diffusers configuration.

    Args:
        config: Content of `unet/config.json`, or a loaded U-Net's `config`.

    Raises:
        InvalidValue: Its blocks have different numbers of layers.
    """
    layers = config["layers_per_block"]
    if not isinstance(layers, int):
        raise InvalidValue(
            "layers_per_block of the U-Net", layers, remedy="SDXL's blocks have one number of them"
        )
    kinds = enumerate(config["up_block_types"])
    return UnetShape(
        layers_per_block=layers,
        attention_up_blocks=frozenset(number for number, kind in kinds if "CrossAttn" in kind),
    )


def sgm_path(module: str, shape: UnetShape) -> str:
    """The original layout's path of a module that diffusers knows by its path.

    Args:
        module: Path inside the U-Net of a module that holds weights.
        shape: Of the U-Net.

    Returns:
        For `down_blocks.1.attentions.0.proj_in` it is `input_blocks.4.1.proj_in`, for
        `up_blocks.0.upsamplers.0.conv` it is `output_blocks.2.2.conv` (two layers per block).

    Raises:
        InvalidValue: No U-Net of SDXL's shape has such a module.
    """
    per_block = shape.layers_per_block + 1
    if module in OUTER:
        return OUTER[module]
    if match := _BLOCK.fullmatch(module):
        side, block, inner, layer, rest = match.groups()
        number = int(block) * per_block + int(layer)
        stem = f"input_blocks.{number + 1}" if side == "down" else f"output_blocks.{number}"
        return f"{stem}.{PLACES[inner]}.{_inside(module, inner, rest)}"
    if match := _DOWNSAMPLER.fullmatch(module):
        return f"input_blocks.{(int(match[1]) + 1) * per_block}.0.op"
    if match := _UPSAMPLER.fullmatch(module):
        block_number = int(match[1])
        place = 2 if block_number in shape.attention_up_blocks else 1
        return f"output_blocks.{(block_number + 1) * per_block - 1}.{place}.conv"
    if match := _MIDDLE.fullmatch(module):
        inner, layer, rest = match.groups()
        return f"middle_block.{2 * int(layer) + PLACES[inner]}.{_inside(module, inner, rest)}"
    raise _unknown(module)


def _inside(module: str, inner: str, rest: str) -> str:
    """The path inside a residual layer or a transformer, whose modules have the same names."""
    if inner == "resnets" and rest not in RESNET:
        raise _unknown(module)
    return RESNET[rest] if inner == "resnets" else rest


def _unknown(module: str) -> InvalidValue:
    return InvalidValue(
        "module that no U-Net of SDXL's shape has",
        module,
        remedy="Give the path of a module with weights, as diffusers names it",
    )
