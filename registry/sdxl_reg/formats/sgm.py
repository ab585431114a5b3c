"""The original (SGM) layout's names for the modules of a U-Net of SDXL's shape.

The block numbers follow from the configuration: with n layers per block, input block
1 + i·(n+1) + j is layer j of down block i (its downsampler where j = n), and output block
i·(n+1) + j is layer j of up block i. Inside a block place 0 is the residual layer, place 1 the
transformer, and an upsampler stands behind whatever is there.

Source: generative-models' `openaimodel.py`, as the release `sd_xl_base_1.0.safetensors` names it.
"""

import re
from collections.abc import Iterable, Mapping
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
_OUTER_BACK = {original: module for module, original in OUTER.items()}
_RESNET_BACK = {original: module for module, original in RESNET.items()}
_INNER = {place: inner for inner, place in PLACES.items()}
_BLOCK = re.compile(r"(down|up)_blocks\.(\d+)\.(resnets|attentions)\.(\d+)\.(.+)")
_DOWNSAMPLER = re.compile(r"down_blocks\.(\d+)\.downsamplers\.0\.conv")
_UPSAMPLER = re.compile(r"up_blocks\.(\d+)\.upsamplers\.0\.conv")
_MIDDLE = re.compile(r"mid_block\.(resnets|attentions)\.(\d+)\.(.+)")
_SGM_BLOCK = re.compile(r"(input|output)_blocks\.(\d+)\.(\d+)\.(.+)")
_SGM_MIDDLE = re.compile(r"middle_block\.(\d+)\.(.+)")


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


def shape_in_diffusers(modules: Iterable[str]) -> UnetShape:
    """The shape of a U-Net by the paths or weight names that diffusers gives it."""
    found = [match for module in modules if (match := _BLOCK.fullmatch(module))]
    first = [int(match[4]) for match in found if match[1] == "down" and match[2] == "0"]
    return UnetShape(
        layers_per_block=1 + max(first, default=0),
        attention_up_blocks=frozenset(
            int(match[2]) for match in found if (match[1], match[3]) == ("up", "attentions")
        ),
    )


def shape_in_sgm(paths: Iterable[str]) -> UnetShape:
    """The shape of a U-Net by the paths or weight names that the original layout gives it."""
    found = [match for path in paths if (match := _SGM_BLOCK.fullmatch(path))]
    inputs = [match for match in found if match[1] == "input"]
    ends = [int(match[2]) for match in inputs if match[4].startswith("op.") or match[4] == "op"]
    last = max((int(match[2]) for match in inputs), default=1)
    per_block = min(ends, default=last + 1)  # without a downsampler there is only one block
    return UnetShape(
        layers_per_block=per_block - 1,
        attention_up_blocks=frozenset(
            int(match[2]) // per_block
            for match in found
            if match[1] == "output" and match[3] == "1" and not match[4].startswith("conv")
        ),
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


def diffusers_path(path: str, shape: UnetShape) -> str:
    """The path by which diffusers knows a module of the original layout: undoes `sgm_path`.

    Args:
        path: Path inside the U-Net of a module that holds weights.
        shape: Of the U-Net.

    Raises:
        InvalidValue: No U-Net of SDXL's shape has such a module.
    """
    if path in _OUTER_BACK:
        return _OUTER_BACK[path]
    if match := _SGM_BLOCK.fullmatch(path):
        module = _block_module(match, shape)
    elif match := _SGM_MIDDLE.fullmatch(path):
        number, place = divmod(int(match[1]), 2)
        module = f"mid_block.{_INNER[place]}.{number}.{_outside(place, match[2])}"
    else:
        raise _unknown(path)
    if sgm_path(module, shape) != path:  # a place or number that the layout does not use
        raise _unknown(path)
    return module


def _block_module(match: re.Match[str], shape: UnetShape) -> str:
    side, rest = match[1], match[4]
    number, place = int(match[2]) - (side == "input"), int(match[3])
    block, layer = divmod(number, shape.layers_per_block + 1)
    if side == "input" and rest == "op":
        return f"down_blocks.{block}.downsamplers.0.conv"
    if side == "output" and rest == "conv":
        return f"up_blocks.{block}.upsamplers.0.conv"
    if place not in _INNER:
        raise _unknown(match[0])
    stem = "down_blocks" if side == "input" else "up_blocks"
    return f"{stem}.{block}.{_INNER[place]}.{layer}.{_outside(place, rest)}"


def _outside(place: int, rest: str) -> str:
    return _RESNET_BACK.get(rest, rest) if place == PLACES["resnets"] else rest


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
