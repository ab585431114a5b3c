"""What the picture of a cell says of itself: as A1111 and Civitai read it, and in our own words.

Each kind of artifact is named where these programs look for it: LoRAs and hypernetworks as marks in
the prompt, embeddings as words of it, checkpoints as the model. Hashes under Civitai's names.

Source: AUTOMATIC1111 stable-diffusion-webui, `modules/processing.py` (`Lora hashes`, `TI hashes`)
and `modules/textual_inversion/textual_inversion.py` (an embedding's hash is that of the whole
file); sd_civitai_extension, `scripts/gen_hashing.py`.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from sdxl_reg import __version__
from sdxl_reg.formats.hashes import AUTO_V2_DIGITS, auto_v3
from sdxl_reg.formats.png_parameters import GenerationParameters
from sdxl_reg.jobs.spec import CellSpec, GridSpec, VersionSpec
from sdxl_reg.trainers.discovery import find_trainer
from sdxl_reg.vocabulary import ArtifactKind

A1111_DIGITS = 12
"""Of the hashes of LoRAs and embeddings."""


def parameters_of(spec: GridSpec, cell: CellSpec) -> GenerationParameters:
    """What a cell's picture says of itself, as A1111 would write it.

    Args:
        spec: The grid.
        cell: One of its cells.

    Raises:
        UnknownName: The trainer of its version is not installed.
    """
    said = _base_parameters(spec, cell)
    if cell.strength != 0:
        version = spec.versions[cell.version]
        said = _BY_KIND[find_trainer(version.trainer).kind](said, version, cell.strength)
    return replace(said, settings={**said.settings, "Version": f"sdxl-reg {__version__}"})


def details_of(spec: GridSpec, cell: CellSpec) -> Mapping[str, Any]:
    """What a cell's picture says of itself in our own words."""
    version = spec.versions[cell.version]
    return {
        "cell_key": cell.key,
        "run": spec.run,
        "base": {"ref": spec.base.ref, "sha256": spec.base.sha256},
        "version": {"ref": version.ref, "sha256": version.sha256} if cell.strength else None,
        "strength": cell.strength,
        "prompt": cell.prompt,
        "seed": cell.seed,
        "sampling": spec.sampling.model_dump(mode="json"),
    }


def _base_parameters(spec: GridSpec, cell: CellSpec) -> GenerationParameters:
    sampling = spec.sampling
    base_hash = (spec.base.file_sha256 or spec.base.sha256)[:AUTO_V2_DIGITS]
    return GenerationParameters(
        prompt=cell.prompt,
        negative_prompt=sampling.negative_prompt,
        settings={
            "Steps": str(sampling.num_inference_steps),
            "Sampler": str(sampling.sampler),
            "Schedule type": "Automatic",
            "CFG scale": f"{sampling.guidance_scale:g}",
            "Seed": str(cell.seed),
            "Size": f"{sampling.width}x{sampling.height}",
            "Model hash": base_hash,
            "Model": spec.base.ref.partition("@")[0],
        },
        hashes={"model": base_hash},
    )


def _with_lora(
    base: GenerationParameters, version: VersionSpec, strength: float
) -> GenerationParameters:
    short = _weights_hash(version.path)[:A1111_DIGITS]
    return replace(
        base,
        prompt=f"{base.prompt} <lora:{version.name}:{strength:g}>",
        settings={**base.settings, "Lora hashes": f"{version.name}: {short}"},
        hashes={**base.hashes, f"lora:{version.name}": version.sha256[:AUTO_V2_DIGITS]},
    )


def _with_hypernetwork(
    base: GenerationParameters, version: VersionSpec, strength: float
) -> GenerationParameters:
    return replace(
        base,
        prompt=f"{base.prompt} <hypernet:{version.name}:{strength:g}>",
        hashes={**base.hashes, f"hypernet:{version.name}": version.sha256[:AUTO_V2_DIGITS]},
    )


def _with_embedding(
    base: GenerationParameters, version: VersionSpec, strength: float
) -> GenerationParameters:
    """The word is in the prompt already; A1111 knows no strength of an embedding."""
    short = version.sha256[:A1111_DIGITS]
    return replace(
        base,
        settings={**base.settings, "TI hashes": f"{version.name}: {short}"},
        hashes={**base.hashes, f"embed:{version.name}": version.sha256[:AUTO_V2_DIGITS]},
    )


def _with_checkpoint(
    base: GenerationParameters, version: VersionSpec, strength: float
) -> GenerationParameters:
    """The version is the model; between it and the base there is a merge, which has no hash."""
    if strength == 1:
        short = version.sha256[:AUTO_V2_DIGITS]
        settings = {**base.settings, "Model hash": short, "Model": version.name}
        return replace(base, settings=settings, hashes={**base.hashes, "model": short})
    merge = f"{1 - strength:g}({base.settings['Model']}) + {strength:g}({version.name})"
    settings = {key: text for key, text in base.settings.items() if key != "Model hash"}
    return replace(base, settings={**settings, "Model": merge}, hashes={})


_BY_KIND: dict[
    ArtifactKind, Callable[[GenerationParameters, VersionSpec, float], GenerationParameters]
] = {
    ArtifactKind.LORA: _with_lora,
    ArtifactKind.HYPERNETWORK: _with_hypernetwork,
    ArtifactKind.EMBEDDING: _with_embedding,
    ArtifactKind.CHECKPOINT: _with_checkpoint,
}


@cache
def _weights_hash(path: Path) -> str:
    return auto_v3(path)
