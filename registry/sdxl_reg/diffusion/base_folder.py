"""The weights of a base as a diffusers folder, read and written without loading a pipeline.

Nothing is computed and nothing is made up: the tensors of the files are taken as they are.
Source: diffusers' and transformers' `from_pretrained`, for the names of the files.
"""

import json
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor

from sdxl_reg.diffusion.single_file import Parts
from sdxl_reg.diffusion.weights import save_weights
from sdxl_reg.errors import Corrupt
from sdxl_reg.formats.checkpoint import require_sdxl
from sdxl_reg.formats.safetensors import read_header
from sdxl_reg.formats.single_file import scheduler_for, spelled

FILES = {
    "unet": "diffusion_pytorch_model.safetensors",
    "vae": "diffusion_pytorch_model.safetensors",
    "text_encoder": "model.safetensors",
    "text_encoder_2": "model.safetensors",
}
"""Part of a pipeline → the file in its folder that holds its weights."""
SCHEDULER = Path("scheduler") / "scheduler_config.json"
_METADATA = {"format": "pt"}  # without it transformers does not read a file
_WEIGHTS = ("*.safetensors", "*.safetensors.index.json", "*.bin", "*.bin.index.json")


def read_base_folder(folder: Path) -> Parts:
    """The weights in a diffusers folder, part by part, on the CPU.

    Args:
        folder: Of an SDXL base. Where a part lies there in several number formats, the plain files
            are taken and those with a variant in their names (`.fp16.`) are not.

    Raises:
        NotFound: A part of it is not there.
        Corrupt: A file is not what it claims to be, or two hold the same weight.
        UsageError: It is not SDXL.
    """
    require_sdxl(folder)
    return {part: _weights(folder / part, part) for part in FILES}


def write_base_folder(
    folder: Path,
    parts: Mapping[str, Mapping[str, Tensor]],
    *,
    config_path: Path,
    marks: Collection[str] = (),
) -> None:
    """Write a diffusers folder.

    Args:
        folder: The new one, which is not there yet.
        parts: Part → weights, named as `single_file.weights_of` does.
        config_path: A diffusers folder with configuration and tokenizers; weights in it are left.
        marks: Of the single file that the weights come from; they may ask for another scheduler.
    """
    shutil.copytree(config_path, folder, ignore=shutil.ignore_patterns(*_WEIGHTS))
    for part, name in FILES.items():
        (folder / part).mkdir(exist_ok=True)
        save_weights(folder / part / name, parts[part], _METADATA)
    scheduler = folder / SCHEDULER
    asked = scheduler_for(marks, json.loads(scheduler.read_bytes()))
    scheduler.write_text(json.dumps(asked, indent=2) + "\n", encoding="utf-8")


def _weights(folder: Path, part: str) -> dict[str, Tensor]:
    found = sorted(folder.glob("*.safetensors"))
    plain = [path for path in found if path.name.count(".") == 1] or found
    weights: dict[str, Tensor] = {}
    for path in plain:
        read_header(path)
        for name, tensor in load_file(path).items():
            if name.endswith("position_ids"):  # a constant that older versions saved
                continue
            if spelled(part, name) in weights:
                raise Corrupt(path, f"{name} stands in another file of its folder too")
            weights[spelled(part, name)] = tensor
    return weights
