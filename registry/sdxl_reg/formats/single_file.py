"""The names of an SDXL checkpoint in one file, and of the parts of a pipeline it holds.

Weight by weight: which weights of which part a tensor of the file is made of, in both directions.
Everything follows from the names themselves, so it works for any width and number of layers.

Source: key layout of `sd_xl_base_1.0.safetensors`; ComfyUI's `supported_models.py` for the keys
that mark v-prediction.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sdxl_reg.errors import InvalidValue
from sdxl_reg.formats.checkpoint import SGM_PARTS, SGM_UNET
from sdxl_reg.formats.open_clip import open_clip_name, transformers_names
from sdxl_reg.formats.sgm import (
    UnetShape,
    diffusers_path,
    sgm_path,
    shape_in_diffusers,
    shape_in_sgm,
)
from sdxl_reg.formats.sgm_vae import diffusers_vae_path, sgm_vae_path, up_blocks_in

PREFIXES = {
    "unet": SGM_UNET,
    "vae": SGM_PARTS["the VAE"],
    "text_encoder": SGM_PARTS["the first text encoder"],
    "text_encoder_2": SGM_PARTS["the second text encoder"],
}
"""Part of a pipeline → how its keys begin."""
V_PREDICTION, ZERO_SNR = "v_pred", "ztsnr"
MARKS = (V_PREDICTION, ZERO_SNR)
"""Keys without weights by which other programs tell a model that predicts v, and zero SNR."""
TEXT_MODEL = "text_model."
_CONSTANT = (
    PREFIXES["text_encoder"] + "text_model.embeddings.position_ids",  # 0, 1, 2 …
    PREFIXES["text_encoder_2"] + "logit_scale",  # for comparing texts with pictures only
    "denoiser.sigmas",  # the noise schedule, which some merging programs add
)
"""Keys of published files that no weight of a pipeline belongs to."""


@dataclass(frozen=True, kw_only=True)
class _Layout:
    """The two directions of one part's names, without its prefix."""

    key: Callable[[str], str]
    names: Callable[[str], tuple[str, ...]]


def spelled(part: str, name: str) -> str:
    """A weight's name as published folders spell it, whatever version of transformers gave it.

    Args:
        part: `unet`, `vae`, `text_encoder` or `text_encoder_2`.
        name: A name in the state dict of that part. A text encoder's `text_model.` may be missing:
            transformers 5 leaves it out for the first one.
    """
    if part not in ("text_encoder", "text_encoder_2"):
        return name
    return name if name.startswith((TEXT_MODEL, "text_projection.")) else TEXT_MODEL + name


def keys_of(part: str, names: Collection[str]) -> dict[str, tuple[str, ...]]:
    """The keys under which one file holds the weights of a part.

    Args:
        part: `unet`, `vae`, `text_encoder` or `text_encoder_2`.
        names: All weights of that part, as `spelled` gives them.

    Returns:
        Key → the weights it is made of, in their order: three for a fused q, k and v, else one.

    Raises:
        InvalidValue: SDXL has no such weight, or one of a fused three is missing.
    """
    layout = _layout(part, names, shape_in=shape_in_diffusers)
    found = {}
    for name in names:
        key = layout.key(name)
        found[PREFIXES[part] + key] = layout.names(key)
    for sources in found.values():
        for source in sources:
            if source not in names:
                raise InvalidValue(
                    f"weight missing in the {part}", source, remedy="Give a complete text encoder"
                )
    return found


def parts_of(keys: Iterable[str]) -> dict[str, dict[str, tuple[str, ...]]]:
    """The parts of a pipeline whose weights a file holds.

    Args:
        keys: All of the file's. Marks, and constants that no weight belongs to, are left out.

    Returns:
        Part → key → the weights of that part, as `spelled` gives them, that it is made of.

    Raises:
        InvalidValue: A key belongs to no part, or no such part of SDXL has it.
    """
    by_part: dict[str, list[str]] = {part: [] for part in PREFIXES}
    for key in keys:
        if key not in MARKS and key not in _CONSTANT:
            by_part[_part_of(key)].append(key)
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for part, own in by_part.items():
        bare = {key: key.removeprefix(PREFIXES[part]) for key in own}
        layout = _layout(part, bare.values(), shape_in=shape_in_sgm)
        found[part] = {key: layout.names(path) for key, path in bare.items()}
    return found


def marks_for(scheduler: Mapping[str, Any]) -> tuple[str, ...]:
    """The marks of a file whose model needs a scheduler of this configuration."""
    if scheduler.get("prediction_type") != "v_prediction":
        return ()
    return MARKS if scheduler.get("rescale_betas_zero_snr") else (V_PREDICTION,)


def scheduler_for(keys: Collection[str], scheduler: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration of the scheduler that a file's model needs, by its marks.

    Args:
        keys: All of the file's.
        scheduler: What it needs if it is not marked.
    """
    marked: dict[str, Any] = {}
    if V_PREDICTION in keys:
        marked["prediction_type"] = "v_prediction"
        marked["rescale_betas_zero_snr"] = ZERO_SNR in keys
    return {**scheduler, **marked}


def _layout(
    part: str, own: Collection[str], *, shape_in: Callable[[Iterable[str]], UnetShape]
) -> _Layout:
    """A part's names in both directions, by its own names in one of the two layouts."""
    if part == "unet":
        shape = shape_in(own)
        return _by_module(lambda m: sgm_path(m, shape), lambda p: diffusers_path(p, shape))
    if part == "vae":
        count = up_blocks_in(own)
        return _by_module(lambda m: sgm_vae_path(m, count), lambda p: diffusers_vae_path(p, count))
    if part == "text_encoder":
        return _Layout(key=str, names=lambda key: (key,))
    return _Layout(key=open_clip_name, names=transformers_names)


def _by_module(there: Callable[[str], str], back: Callable[[str], str]) -> _Layout:
    """Names whose last segment, weight or bias, is the same in both layouts."""

    def key(name: str) -> str:
        module, _, parameter = name.rpartition(".")
        return f"{there(module)}.{parameter}"

    def names(own: str) -> tuple[str, ...]:
        path, _, parameter = own.rpartition(".")
        return (f"{back(path)}.{parameter}",)

    return _Layout(key=key, names=names)


def _part_of(key: str) -> str:
    for part, prefix in PREFIXES.items():
        if key.startswith(prefix):
            return part
    raise InvalidValue(
        "key that belongs to no part of SDXL", key, remedy="Give an SDXL base checkpoint"
    )
