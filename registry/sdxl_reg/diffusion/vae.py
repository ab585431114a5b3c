"""Loading a VAE of its own, in place of the one that a base brings along."""

from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

from sdxl_reg.diffusion.pipeline import be_silent, diffusers, require_complete
from sdxl_reg.diffusion.single_file import from_single_file
from sdxl_reg.errors import Corrupt, InvalidValue, NotFound, UsageError
from sdxl_reg.formats.safetensors import read_header

REMEDY = "Give a VAE of Stable Diffusion XL: a .safetensors file or a diffusers folder"
PREFIXES = ("first_stage_model.", "vae.")
"""How the keys of a VAE may begin in a file of more or in one that was cut out of it."""

MODULES = ("encoder.", "decoder.", "quant_conv.", "post_quant_conv.")


def load_vae(path: Path, config_folder: Path) -> Any:
    """A VAE on the CPU, in float32 and evaluation mode.

    Args:
        path: A `.safetensors` file with the original's or diffusers' keys (a whole checkpoint will
            do), or a diffusers folder of a VAE or of a pipeline that has one.
        config_folder: Of the base: a diffusers folder, whose `vae` configuration counts.

    Returns:
        An `AutoencoderKL`, to be set as a pipeline's `vae`.

    Raises:
        NotFound: There is nothing at the path.
        Corrupt: It is not what it claims to be, or a weight is missing.
        UsageError: It is no VAE for this base.
    """
    be_silent()
    wanted = diffusers.AutoencoderKL.load_config(config_folder / "vae", local_files_only=True)
    try:
        vae = _from_folder(path) if path.is_dir() else _from_file(path, wanted)
    except (
        OSError,
        ValueError,
        KeyError,
        RuntimeError,
        InvalidValue,
    ) as error:  # what the loaders raise
        raise Corrupt(path, f"cannot be loaded: {error}", remedy=REMEDY) from error
    _require_fitting(path, vae.config, wanted)
    return vae.to(torch.float32).requires_grad_(False).eval()


def _from_folder(path: Path) -> Any:
    folder = path if (path / "config.json").is_file() else path / "vae"
    if not (folder / "config.json").is_file():
        raise NotFound("VAE", path, remedy=REMEDY)
    files = [file.name for file in folder.glob("*.safetensors")]
    if not files:
        raise NotFound("weights", folder / "*.safetensors", remedy=REMEDY)
    variant = "fp16" if all(".fp16" in name for name in files) else None
    vae = diffusers.AutoencoderKL.from_pretrained(folder, variant=variant, local_files_only=True)
    require_complete(folder, vae)
    return vae


def _from_file(path: Path, config: Any) -> Any:
    if not path.is_file():
        raise NotFound("VAE", path, remedy=REMEDY)
    if path.suffix != ".safetensors":
        raise UsageError(f"{path}: only .safetensors files are read as a VAE", remedy=REMEDY)
    names = [_without_prefix(name) for name in read_header(path).tensors]
    if not any(name.startswith("decoder.conv_in.") for name in names):
        raise UsageError(f"{path}: there is no VAE in it", remedy=REMEDY)
    vae = diffusers.AutoencoderKL.from_config(config)
    weights = _weights(path)
    for name in vae.state_dict():
        if name not in weights:
            raise Corrupt(path, f"it has no weights for {name!r} of the VAE", remedy=REMEDY)
    vae.load_state_dict(weights)
    return vae


def _weights(path: Path) -> dict[str, Tensor]:
    """The VAE's weights under diffusers' names, whatever else is in the file."""
    with safe_open(path, framework="pt") as file:
        found = {
            short: file.get_tensor(name)
            for name in read_header(path).tensors
            if (short := _without_prefix(name)).startswith(MODULES)
        }
    if any(name.startswith("encoder.down_blocks.") for name in found):
        return found
    return from_single_file({PREFIXES[0] + name: tensor for name, tensor in found.items()})["vae"]


def _without_prefix(name: str) -> str:
    for prefix in PREFIXES:
        name = name.removeprefix(prefix)
    return name


def _require_fitting(path: Path, config: Any, wanted: Any) -> None:
    for key in ("latent_channels", "scaling_factor"):
        own, base = config.get(key), wanted.get(key)
        if own != base:
            raise UsageError(f"{path}: its {key} is {own}, the base's {base}", remedy=REMEDY)
