"""What a picture says of itself: as A1111 and Civitai read it, and in our own words.

Each kind of artifact is named where these programs look for it: LoRAs and hypernetworks as marks in
the prompt, embeddings as words of it, checkpoints as the model. Hashes under Civitai's names.

Source: AUTOMATIC1111 stable-diffusion-webui, `modules/processing.py` (`create_infotext`),
`modules/processing_scripts/refiner.py`, `extensions-builtin/Lora` (`Lora hashes`) and
`modules/textual_inversion/textual_inversion.py` (`TI hashes`: an embedding's hash is that of the
whole file); sd_civitai_extension, `scripts/gen_hashing.py`.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from sdxl_reg import __version__
from sdxl_reg.evaluation.batches import active
from sdxl_reg.formats.hashes import AUTO_V2_DIGITS, auto_v3
from sdxl_reg.formats.png_parameters import GenerationParameters
from sdxl_reg.jobs.pictures import AdapterUse, PictureSpec
from sdxl_reg.jobs.spec import BaseSpec, CellSpec, DrawSpec, VersionSpec
from sdxl_reg.trainers.discovery import find_trainer
from sdxl_reg.vocabulary import ArtifactKind

A1111_DIGITS = 12
"""Of the hashes of LoRAs and embeddings."""
SDXL_CLIP_SKIP = 2


def parameters_of(spec: DrawSpec, cell: CellSpec) -> GenerationParameters:
    """What a picture says of itself, as A1111 would write it.

    Args:
        spec: The job.
        cell: One of its pictures.

    Raises:
        UnknownName: The trainer of a version is not installed.
    """
    said = _base_parameters(spec, cell.picture)
    for use in active(cell.picture):
        version = spec.versions[use.ref]
        said = _BY_KIND[find_trainer(version.trainer).kind](said, version, use)
    settings = {**said.settings, **spec.script, "Version": f"sdxl-reg {__version__}"}
    return replace(said, settings=settings)


def details_of(spec: DrawSpec, cell: CellSpec) -> Mapping[str, Any]:
    """What a picture says of itself in our own words; enough to draw it again."""
    picture = cell.picture
    uses = active(picture)
    refiner = spec.bases[picture.refiner] if picture.refiner else None
    return {
        "cell_key": cell.key,
        "run": spec.run,
        "batch_size": spec.batch_size,
        "base": {"ref": picture.base, "sha256": spec.bases[picture.base].sha256},
        **({"refiner": {"ref": refiner.ref, "sha256": refiner.sha256}} if refiner else {}),
        "adapters": [
            {
                "ref": use.ref,
                "sha256": spec.versions[use.ref].sha256,
                "strength": use.strength,
                "text_strength": use.in_texts,
            }
            for use in uses
        ],
        "request": picture.model_copy(update={"adapters": tuple(uses)}).said()
        | {"width": picture.width, "height": picture.height},
    }


def _base_parameters(spec: DrawSpec, picture: PictureSpec) -> GenerationParameters:
    base = spec.bases[picture.base]
    short = _hash_of(base)
    settings = {
        "Steps": str(picture.num_inference_steps),
        "Sampler": str(picture.sampler),
        "Schedule type": str(picture.schedule),
        "CFG scale": f"{picture.guidance_scale:g}",
        "Seed": str(picture.seed),
        "Size": f"{picture.width}x{picture.height}",
        "Model hash": short,
        "Model": _name_of(base),
        **_optional(spec, picture),
    }
    return GenerationParameters(
        prompt=picture.prompt,
        negative_prompt=picture.negative_prompt,
        settings=settings,
        hashes={"model": short},
    )


def _optional(spec: DrawSpec, picture: PictureSpec) -> dict[str, str]:
    """Pairs that A1111 writes only where they say something."""
    pairs: dict[str, str] = {}
    if picture.vae:
        pairs |= {"VAE hash": picture.vae[:AUTO_V2_DIGITS], "VAE": spec.images[picture.vae].stem}
    if picture.init_image:
        pairs["Denoising strength"] = f"{picture.denoising_strength:g}"
    elif picture.hires_scale > 1:
        pairs["Denoising strength"] = f"{picture.hires_denoising_strength:g}"
    if picture.clip_skip != SDXL_CLIP_SKIP:
        pairs["Clip skip"] = str(picture.clip_skip)
    if picture.tiling:
        pairs["Tiling"] = "True"
    if picture.hires_scale > 1:
        pairs["Hires upscale"] = f"{picture.hires_scale:g}"
        if picture.hires_steps:
            pairs["Hires steps"] = str(picture.hires_steps)
        pairs["Hires upscaler"] = str(picture.hires_upscaler)
    if picture.refiner:
        refiner = spec.bases[picture.refiner]
        pairs["Refiner"] = f"{_name_of(refiner)} [{_hash_of(refiner)}]"
        pairs["Refiner switch at"] = f"{picture.switch_at:g}"
    if picture.guidance_rescale:
        pairs["CFG rescale"] = f"{picture.guidance_rescale:g}"
    return pairs


def _with_lora(
    base: GenerationParameters, version: VersionSpec, use: AdapterUse
) -> GenerationParameters:
    short = f"{version.name}: {_weights_hash(version.path)[:A1111_DIGITS]}"
    numbers = f"{use.strength:g}"
    if use.in_texts != use.strength:
        numbers = f"{use.in_texts:g}:{use.strength:g}"
    return replace(
        base,
        prompt=f"{base.prompt} <lora:{version.name}:{numbers}>",
        settings=_listed(base.settings, "Lora hashes", short),
        hashes={**base.hashes, f"lora:{version.name}": version.sha256[:AUTO_V2_DIGITS]},
    )


def _with_hypernetwork(
    base: GenerationParameters, version: VersionSpec, use: AdapterUse
) -> GenerationParameters:
    return replace(
        base,
        prompt=f"{base.prompt} <hypernet:{version.name}:{use.strength:g}>",
        hashes={**base.hashes, f"hypernet:{version.name}": version.sha256[:AUTO_V2_DIGITS]},
    )


def _with_embedding(
    base: GenerationParameters, version: VersionSpec, use: AdapterUse
) -> GenerationParameters:
    """The word is in the prompt already; A1111 knows no strength of an embedding."""
    short = f"{version.name}: {version.sha256[:A1111_DIGITS]}"
    return replace(
        base,
        settings=_listed(base.settings, "TI hashes", short),
        hashes={**base.hashes, f"embed:{version.name}": version.sha256[:AUTO_V2_DIGITS]},
    )


def _with_checkpoint(
    base: GenerationParameters, version: VersionSpec, use: AdapterUse
) -> GenerationParameters:
    """The version is the model; between it and the base there is a merge, which has no hash."""
    if use.strength == use.in_texts == 1:
        short = version.sha256[:AUTO_V2_DIGITS]
        settings = {**base.settings, "Model hash": short, "Model": version.name}
        return replace(base, settings=settings, hashes={**base.hashes, "model": short})
    merge = f"{1 - use.strength:g}({base.settings['Model']}) + {use.strength:g}({version.name})"
    settings = {key: text for key, text in base.settings.items() if key != "Model hash"}
    return replace(base, settings={**settings, "Model": merge}, hashes={})


_BY_KIND: dict[
    ArtifactKind, Callable[[GenerationParameters, VersionSpec, AdapterUse], GenerationParameters]
] = {
    ArtifactKind.LORA: _with_lora,
    ArtifactKind.HYPERNETWORK: _with_hypernetwork,
    ArtifactKind.EMBEDDING: _with_embedding,
    ArtifactKind.CHECKPOINT: _with_checkpoint,
}


def _listed(settings: Mapping[str, str], key: str, entry: str) -> dict[str, str]:
    """Settings with one more entry in a pair that lists several."""
    return {**settings, key: f"{settings[key]}, {entry}" if key in settings else entry}


def _name_of(base: BaseSpec) -> str:
    return base.ref.partition("@")[0]


def _hash_of(base: BaseSpec) -> str:
    return (base.file_sha256 or base.sha256)[:AUTO_V2_DIGITS]


@cache
def _weights_hash(path: Path) -> str:
    return auto_v3(path)
