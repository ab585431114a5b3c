"""Asking again for a picture by what its file says of itself: our own chunk, or A1111's text."""

import re
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.artifacts import version_ref
from sdxl_reg.catalog.generations import GenerationRequest
from sdxl_reg.catalog.picture_requests import PictureRequest, Prompt
from sdxl_reg.errors import InvalidValue, NotFound
from sdxl_reg.formats.png_parameters import GenerationParameters, read_png
from sdxl_reg.formats.sampler_names import parse_sampler_name, parse_schedule
from sdxl_reg.jobs.pictures import AdapterUse
from sdxl_reg.tables import ArtifactVersion

_OWN = {"prompt", "seed", "adapters", "base"}
_A1111 = {
    "Steps": ("num_inference_steps", int),
    "CFG scale": ("guidance_scale", float),
    "CFG rescale": ("guidance_rescale", float),
    "Clip skip": ("clip_skip", int),
    "Hires upscale": ("hires_scale", float),
    "Hires steps": ("hires_steps", int),
    "Hires upscaler": ("hires_upscaler", str),
}
"""Key of A1111's text → field of a picture, and how it is read."""
_KNOWN = {*_A1111, "Sampler", "Schedule type", "Seed", "Size", "Tiling", "Denoising strength"}
_ABOUT = {"Model", "Model hash", "Version", "Lora hashes", "TI hashes", "Script"}


def repeated(session: Session, path: Path) -> tuple[GenerationRequest, list[str]]:
    """The request that draws a picture again.

    Args:
        session: The transaction.
        path: A PNG from here, which is drawn again to the same pixels on the same machine; or one
            of A1111's, as far as what it names is recorded.

    Returns:
        The request, and sentences on what could not be taken over.

    Raises:
        NotFound: There is no such file, or what it names is not recorded.
        Corrupt: It is no PNG.
        InvalidValue: It does not say how it was made.
    """
    parameters, details = read_png(path)
    if "request" in details:
        return _from_own(session, details), []
    if parameters.settings:
        return _from_a1111(parameters)
    raise InvalidValue(
        "a picture that does not say how it was made",
        path,
        remedy="Give a PNG with the text chunk `parameters`, as sdxl-reg and A1111 write it",
    )


def _from_own(session: Session, details: dict[str, Any]) -> GenerationRequest:
    said = details["request"]
    shas = {use["ref"]: use["sha256"] for use in details["adapters"]}
    base = _ref_of(session, details["base"]["ref"], details["base"]["sha256"])
    uses = [AdapterUse.model_validate(use) for use in said.get("adapters", [])]
    adapters = [
        use.model_copy(update={"ref": _ref_of(session, use.ref, shas[use.ref])}) for use in uses
    ]
    settings = {name: value for name, value in said.items() if name not in _OWN}
    places = {name: settings.pop(name, "") for name in ("refiner", "init_image", "mask")}
    if refiner := details.get("refiner"):
        places["refiner"] = _ref_of(session, refiner["ref"], refiner["sha256"])
    if settings.get("vae"):
        raise InvalidValue(
            "a picture drawn with a VAE of its own",
            settings["vae"],
            remedy="Draw it again with its settings and --vae",
        )
    return GenerationRequest(
        prompts=[Prompt(text=said.get("prompt", ""), adapters=tuple(adapters))],
        seeds=[said.get("seed", 0)],
        picture=PictureRequest(base=base, settings=settings, **places),
        batch_size=details["batch_size"],
    )


def _ref_of(session: Session, ref: str, sha256: str) -> str:
    """The reference of bytes: the one that was written down, or that of the same bytes here."""
    found = session.scalars(select(ArtifactVersion).where(ArtifactVersion.digest == sha256)).all()
    refs = [version_ref(version) for version in found]
    if ref in refs:
        return ref
    if not refs:
        raise NotFound(
            "version of these bytes", f"{ref} ({sha256[:10]})", remedy="Import it: artifact import"
        )
    return refs[0]


def _from_a1111(parameters: GenerationParameters) -> tuple[GenerationRequest, list[str]]:
    said = parameters.settings
    settings: dict[str, Any] = {"negative_prompt": parameters.negative_prompt}
    for key, (name, kind) in _A1111.items():
        if key in said:
            settings[name] = _read(kind, key, said[key])
    if "Sampler" in said:
        settings["sampler"], settings["schedule"] = parse_sampler_name(said["Sampler"])
    if said.get("Schedule type"):
        settings["schedule"] = parse_schedule(said["Schedule type"])
    if match := re.fullmatch(r"(\d+)x(\d+)", said.get("Size", "")):
        settings |= {"width": int(match[1]), "height": int(match[2])}
    if said.get("Tiling") == "True":
        settings["tiling"] = True
    if "Hires upscale" in said and "Denoising strength" in said:
        key = "Denoising strength"
        settings["hires_denoising_strength"] = _read(float, key, said[key])
    unread = sorted(set(said) - _KNOWN - _ABOUT)
    notes = [f"not taken over: {key} {said[key]}" for key in unread]
    if "Model" in said:
        notes.append(f"it was drawn with the model {said['Model']}; choose one with --base")
    request = GenerationRequest(
        prompts=[parameters.prompt],
        seeds=[_read(int, "Seed", said.get("Seed", "0"))],
        picture=PictureRequest(settings=settings),
    )
    return request, notes


def _read(kind: Any, key: str, text: str) -> Any:
    try:
        return kind(text)
    except ValueError:
        raise InvalidValue(f"not a value of {key}", repr(text), remedy="It is damaged") from None
