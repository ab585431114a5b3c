"""Every name that a LoRA file may give to a module of SDXL.

Kohya's names by the original layout are the rule; LyCORIS and others put kohya's prefix before
diffusers' block names, SimpleTuner puts `lycoris_` there; diffusers writes dotted paths after the
part's name (its first versions nothing for the U-Net), peft after `base_model.model`, and generic
files the original layout's dotted path after `diffusion_model`. diffusers' attention processors
once called projections by names of their own.

Source: sd-scripts `networks/lora.py`; LyCORIS `kohya.py` and `wrapper.py`; diffusers
`utils/state_dict_utils.py`; peft `utils/save_and_load.py`; ComfyUI `comfy/lora.py`.
"""

from collections.abc import Iterator, Mapping, Sequence

from sdxl_reg.errors import InvalidValue
from sdxl_reg.formats.lora.kohya_names import PREFIXES, text_path
from sdxl_reg.formats.sgm import UnetShape, sgm_path

Target = tuple[str, str]
"""Part of a pipeline and path of a module inside it."""
UNET_PREFIXES = ("", "unet.", "base_model.model.", "unet.base_model.model.")
"""What may stand before diffusers' path of a module of the U-Net."""
PROCESSOR_NAMES = {
    "to_out.0": "to_out",
    "self_attn.q_proj": "self_attn.to_q",
    "self_attn.k_proj": "self_attn.to_k",
    "self_attn.v_proj": "self_attn.to_v",
    "self_attn.out_proj": "self_attn.to_out",
}
"""How a path ends → how it did where an attention processor held the matrices."""


def modules_by_name(modules: Mapping[str, Sequence[str]], shape: UnetShape) -> dict[str, Target]:
    """Name in a file → module, for all modules of a pipeline.

    Args:
        modules: Part → paths of its modules that may be adapted.
        shape: Of the U-Net.
    """
    return {
        name: (part, path)
        for part, paths in modules.items()
        for path in paths
        for name in (_unet_names(path, shape) if part == "unet" else _text_names(part, path))
    }


def _unet_names(path: str, shape: UnetShape) -> Iterator[str]:
    flat = path.replace(".", "_")
    yield from (PREFIXES["unet"] + flat, f"lycoris_{flat}")
    for dotted in _with_processor_names(path):
        yield from (prefix + dotted for prefix in UNET_PREFIXES)
    try:
        original = sgm_path(path, shape)
    except InvalidValue:
        return  # diffusers' own names are all that such a module has
    yield PREFIXES["unet"] + original.replace(".", "_")
    yield f"diffusion_model.{original}"


def _text_names(part: str, path: str) -> Iterator[str]:
    full = text_path(path)
    yield PREFIXES[part] + full.replace(".", "_")
    for dotted in {*_with_processor_names(full), *_with_processor_names(path)}:
        yield f"{part}.{dotted}"


def _with_processor_names(path: str) -> Iterator[str]:
    yield path
    for ending, old in PROCESSOR_NAMES.items():
        if path.endswith(f".{ending}"):
            yield path.removesuffix(ending) + old
