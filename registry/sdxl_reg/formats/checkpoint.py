"""Telling by configuration and headers alone whether a base checkpoint is SDXL's base model.

Source: layouts of diffusers' `StableDiffusionXLPipeline` and of the single-file release
`sd_xl_base_1.0.safetensors`; the refiner has one text encoder and a context 1280 wide.
"""

import json
from pathlib import Path
from typing import Any

from sdxl_reg.errors import Corrupt, NotFound, UsageError
from sdxl_reg.formats.safetensors import Header, read_header

PARTS = ("unet", "vae", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "scheduler")
SGM_UNET = "model.diffusion_model."
SGM_CONTEXT = SGM_UNET + "input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight"
SGM_PARTS = {
    "the U-Net": SGM_UNET,
    "the first text encoder": "conditioner.embedders.0.transformer.",
    "the second text encoder": "conditioner.embedders.1.model.",
    "the VAE": "first_stage_model.",
}
REMEDY = "Give a Stable Diffusion XL base: a diffusers folder or a single .safetensors file"


def require_sdxl(path: Path, *, config_path: Path | None = None) -> None:
    """Refuse what is not a complete SDXL base checkpoint; no tensor is read.

    Args:
        path: A diffusers folder or a single `.safetensors` file.
        config_path: For a single file, the diffusers folder with configuration and tokenizers.

    Raises:
        NotFound: There is nothing at the path, or a part of the folder is not there.
        Corrupt: A file in it is not what it claims to be.
        UsageError: It is a checkpoint of another model, or a single file without its folder.
    """
    if path.is_dir():
        _require_folder(path)
        for part in ("unet", "vae", "text_encoder", "text_encoder_2"):
            _require_weights(path / part)
    elif path.is_file():
        _require_single_file(path)
        if config_path is None:
            raise UsageError(
                f"{path}: a single file does not say how its parts are configured",
                remedy="Give a diffusers folder of its configuration and tokenizers as well",
            )
        _require_folder(config_path)
    else:
        raise NotFound("base checkpoint", path, remedy=REMEDY)


def context_width(path: Path) -> int:
    """Width of the text context that a single file's U-Net reads: 2048 in full-size SDXL.

    Raises:
        Corrupt: It is not a safetensors file.
        UsageError: It is not an SDXL base.
    """
    _require_single_file(path)
    return int(read_header(path).tensors[SGM_CONTEXT].shape[-1])


def unet_widths(path: Path) -> tuple[int, ...]:
    """What adapters have to fit: the widths of a U-Net's levels, and of its text context.

    Args:
        path: A diffusers folder; for a single file its configuration folder.

    Raises:
        NotFound: It has no U-Net configuration.
        Corrupt: The configuration does not say.
    """
    config = read_config(path / "unet" / "config.json")
    levels, context = config.get("block_out_channels"), config.get("cross_attention_dim")
    if not isinstance(levels, list) or not isinstance(context, int):
        raise Corrupt(path / "unet" / "config.json", "it does not say how wide the U-Net is")
    return (*levels, context)


def native_resolution(path: Path) -> int:
    """Side in pixels that a base was made for: its U-Net's `sample_size` times 8.

    Args:
        path: A diffusers folder; for a single file its configuration folder.

    Raises:
        NotFound: It has no U-Net configuration.
        Corrupt: The configuration does not say.
    """
    size = read_config(path / "unet" / "config.json").get("sample_size")
    if not isinstance(size, int) or size < 1:
        raise Corrupt(path / "unet" / "config.json", f"sample_size is {size!r}")
    return size * 8


def is_sdxl_single_file(header: Header) -> bool:
    """Whether a header describes an SDXL base of any width, by shapes and prefixes."""
    return _single_file_fault(header) is None


def _require_folder(path: Path) -> None:
    index = read_config(path / "model_index.json")
    if index.get("_class_name") != "StableDiffusionXLPipeline":
        raise UsageError(f"{path}: not SDXL but {index.get('_class_name')!r}", remedy=REMEDY)
    missing = [part for part in PARTS if not (path / part).is_dir()]
    if missing:
        raise NotFound("part of the base", path / missing[0], remedy=REMEDY)
    unet = read_config(path / "unet" / "config.json")
    if unet.get("addition_embed_type") != "text_time":
        raise UsageError(f"{path}: its U-Net does not take SDXL's sizes and crops", remedy=REMEDY)
    widths = [
        int(read_config(path / part / "config.json").get("hidden_size", 0))
        for part in ("text_encoder", "text_encoder_2")
    ]
    if unet.get("cross_attention_dim") != sum(widths):
        raise Corrupt(
            path,
            f"its U-Net reads a context {unet.get('cross_attention_dim')} wide, "
            f"its text encoders give {widths[0]} + {widths[1]}",
            remedy=REMEDY,
        )


def _require_weights(folder: Path) -> None:
    found = sorted(folder.glob("*.safetensors"))
    if not found:
        raise NotFound("weights", folder / "*.safetensors", remedy=REMEDY)
    for path in found:
        read_header(path)


def _require_single_file(path: Path) -> None:
    if path.suffix != ".safetensors":
        raise UsageError(
            f"{path}: only .safetensors files are read as a base",
            remedy="Convert it: pickled checkpoints can run code when they are opened",
        )
    if fault := _single_file_fault(read_header(path)):
        raise UsageError(f"{path}: not an SDXL base: {fault}", remedy=REMEDY)


def _single_file_fault(header: Header) -> str | None:
    for part, prefix in SGM_PARTS.items():
        if not any(name.startswith(prefix) for name in header.tensors):
            return f"{part} is not in it"
    if SGM_CONTEXT not in header.tensors:
        return "its U-Net has no attention in the second stage"
    first = header.tensors.get(
        "conditioner.embedders.0.transformer.text_model.final_layer_norm.weight"
    )
    second = header.tensors.get("conditioner.embedders.1.model.ln_final.weight")
    width = header.tensors[SGM_CONTEXT].shape[-1]
    if first is None or second is None or width != first.shape[0] + second.shape[0]:
        return f"its U-Net reads a context {width} wide, which its text encoders do not give"
    return None


def read_config(path: Path, *, whose: str = "the base", remedy: str = REMEDY) -> dict[str, Any]:
    """A JSON file of a diffusers folder.

    Args:
        path: Of the file.
        whose: What it is a part of, for the message.
        remedy: What to do when it is not there.

    Raises:
        NotFound: There is no such file.
        Corrupt: It holds no JSON object.
    """
    try:
        document = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise NotFound(f"file of {whose}", path, remedy=remedy) from None
    except ValueError:
        raise Corrupt(path, "not JSON") from None
    if not isinstance(document, dict):
        raise Corrupt(path, "not a JSON object")
    return document
