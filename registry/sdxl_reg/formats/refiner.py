"""Telling SDXL's refiner from a base, by configuration and header alone.

Source: layouts of `stable-diffusion-xl-refiner` as a diffusers folder and as
`sd_xl_refiner_1.0.safetensors`.
"""

from pathlib import Path
from typing import Any

from sdxl_reg.errors import NotFound
from sdxl_reg.formats.checkpoint import read_config
from sdxl_reg.formats.safetensors import read_header

ENCODER = "conditioner.embedders.0.model."
"""How the keys of a refiner's only text encoder begin in a single file."""
REMEDY = "Give SDXL's refiner or an SDXL base: a diffusers folder or a single .safetensors file"


def is_refiner(path: Path) -> bool:
    """Whether something is SDXL's refiner rather than a base, by configuration and header alone.

    Args:
        path: A diffusers folder or a `.safetensors` file.

    Raises:
        NotFound: There is nothing at the path.
        Corrupt: It is not what it claims to be.
    """
    if path.is_dir():
        return bool(refiner_index(path).get("requires_aesthetics_score"))
    if not path.is_file():
        raise NotFound("refiner", path, remedy=REMEDY)
    if path.suffix != ".safetensors":
        return False  # refused where bases are loaded
    return any(name.startswith(ENCODER) for name in read_header(path).tensors)


def refiner_index(folder: Path) -> dict[str, Any]:
    """What a diffusers folder says of itself.

    Args:
        folder: Of a refiner or a base.

    Raises:
        NotFound: It has no index.
        Corrupt: Its index is no JSON object.
    """
    return read_config(folder / "model_index.json", whose="the refiner", remedy=REMEDY)
