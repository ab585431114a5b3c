"""Kohya's names for the modules a LoRA changes, for every U-Net of SDXL's shape.

A published SDXL LoRA names its U-Net modules by the original (SGM) layout and its text encoder
modules by Hugging Face's. The block numbers follow from the U-Net's configuration alone: with n
layers per block, input block 1 + i·(n+1) + j is layer j of down block i (its downsampler where
j = n), and output block i·(n+1) + j is layer j of up block i.

Source: sd-scripts `networks/lora.py` and `library/sdxl_original_unet.py`; the layout of
generative-models' `openaimodel.py`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from sdxl_reg.errors import Corrupt, InvalidValue
from sdxl_reg.formats.sgm import UnetShape

PREFIXES = {"unet": "lora_unet_", "text_encoder": "lora_te1_", "text_encoder_2": "lora_te2_"}
"""Part of a pipeline → how kohya's names of its modules begin."""
SUFFIXES = ("lora_down.weight", "lora_up.weight", "alpha")
_TEXT_MODEL = "text_model."
_BLOCK = re.compile(r"(down_blocks|up_blocks)\.(\d+)\.(attentions|resnets)\.(\d+)\.(.+)")
_MIDDLE = re.compile(r"mid_block\.(attentions|resnets)\.(\d+)\.(.+)")


def kohya_name(part: str, module: str, shape: UnetShape) -> str:
    """Kohya's name of a module that diffusers knows by its path.

    Args:
        part: `unet`, `text_encoder` or `text_encoder_2`.
        module: Path of the module inside that part; a text encoder's with or without the leading
            `text_model.`, which transformers 5 leaves out for the first one.
        shape: Of the U-Net.

    Returns:
        For `unet`, `down_blocks.1.attentions.0.proj_in` it is
        `lora_unet_input_blocks_4_1_proj_in` (two layers per block).

    Raises:
        InvalidValue: Kohya's format has no name for the module.
    """
    path = sgm_path(module, shape) if part == "unet" else _TEXT_MODEL + _bare(module)
    return PREFIXES[part] + path.replace(".", "_")


def sgm_path(module: str, shape: UnetShape) -> str:
    """The original layout's path of a module inside a transformer of the U-Net.

    Raises:
        InvalidValue: The module is not inside one.
    """
    per_block = shape.layers_per_block + 1
    if match := _BLOCK.fullmatch(module):
        side, block, inner, layer, rest = match.groups()
        if inner == "attentions":
            number = int(block) * per_block + int(layer)
            return (
                f"input_blocks.{number + 1}.1.{rest}"
                if side == "down_blocks"
                else (f"output_blocks.{number}.1.{rest}")
            )
    if (match := _MIDDLE.fullmatch(module)) and match[1] == "attentions":
        return f"middle_block.{2 * int(match[2]) + 1}.{match[3]}"
    raise InvalidValue(
        "module without a name in kohya's format",
        module,
        remedy="Train linear layers of attention blocks and text encoders only",
    )


def modules_by_name(
    modules: Mapping[str, Sequence[str]], shape: UnetShape
) -> dict[str, tuple[str, str]]:
    """Kohya's name → (part, module), for all modules of a pipeline that can have one.

    diffusers' own block names, which some programs write after the same prefixes, are known too.

    Args:
        modules: Part → paths of its linear layers.
        shape: Of the U-Net.
    """
    found: dict[str, tuple[str, str]] = {}
    for part, paths in modules.items():
        for path in paths:
            try:
                found[kohya_name(part, path, shape)] = (part, path)
            except InvalidValue:
                continue  # a layer outside of the transformers: nothing to adapt
            found[PREFIXES[part] + path.replace(".", "_")] = (part, path)
    return found


def grouped(
    path: str, keys: Iterable[str], known: Mapping[str, tuple[str, str]]
) -> dict[tuple[str, str], str]:
    """(part, module) → the stem under which a file keeps its tensors.

    Args:
        path: Of the file, for the message.
        keys: All tensor names of the file.
        known: What `modules_by_name` gives for the base.

    Raises:
        Corrupt: A key matches no module or is of another method than plain LoRA, or a module
            lacks one of its two matrices. Nothing is dropped silently.
    """
    stems: dict[str, set[str]] = {}
    strange: list[str] = []
    for key in keys:
        stem, _, suffix = key.partition(".")
        if stem in known and suffix in SUFFIXES:
            stems.setdefault(stem, set()).add(suffix)
        else:
            strange.append(key)
    if strange:
        raise Corrupt(
            path,
            f"{len(strange)} keys match nothing in this base, such as {strange[0]}",
            remedy="Use it with the base that it was trained for",
        )
    for stem, suffixes in stems.items():
        for needed in SUFFIXES[:2]:
            if needed not in suffixes:
                raise Corrupt(path, f"{stem}.{needed} is missing")
    if not stems:
        raise Corrupt(path, "it holds no LoRA")
    return {known[stem]: stem for stem in stems}


def _bare(module: str) -> str:
    return module.removeprefix(_TEXT_MODEL)
