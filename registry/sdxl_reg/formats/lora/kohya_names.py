"""Kohya's names for the modules a LoRA changes, for every U-Net of SDXL's shape.

A published SDXL LoRA names its U-Net modules by the original (SGM) layout and its text encoder
modules by Hugging Face's, dots turned into underscores.

Source: sd-scripts `networks/lora.py` and `library/sdxl_original_unet.py`.
"""

from sdxl_reg.formats.sgm import UnetShape, sgm_path

PREFIXES = {"unet": "lora_unet_", "text_encoder": "lora_te1_", "text_encoder_2": "lora_te2_"}
"""Part of a pipeline → how kohya's names of its modules begin."""
_TEXT_MODEL = "text_model."
_PROJECTION = "text_projection"


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
        InvalidValue: No U-Net of SDXL's shape has such a module.
    """
    path = sgm_path(module, shape) if part == "unet" else text_path(module)
    return PREFIXES[part] + path.replace(".", "_")


def text_path(module: str) -> str:
    """The full path of a text encoder's module, whichever transformers gave it.

    Args:
        module: With or without the leading `text_model.`.

    Returns:
        With it, but for the projection, which stands beside the text model.
    """
    if module.startswith((_TEXT_MODEL, _PROJECTION)):
        return module
    return _TEXT_MODEL + module
