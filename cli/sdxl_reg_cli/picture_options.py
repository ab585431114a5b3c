"""The options of how pictures are drawn, the same for `generate` and `grid`."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from sdxl_reg.catalog.picture_requests import PictureRequest

_Function = TypeVar("_Function", bound=Callable[..., Any])

_SETTINGS = {
    "prompt_2": ("--prompt-2", str, "For the second text encoder. [default: the prompt]"),
    "negative_prompt": ("--negative-prompt", str, "What to lead away from."),
    "negative_prompt_2": ("--negative-prompt-2", str, "The same for the second text encoder."),
    "num_inference_steps": ("--steps", int, "Steps of the sampler. [default: 20]"),
    "guidance_scale": ("--guidance-scale", float, "1 or less: none. [default: 5]"),
    "guidance_rescale": ("--guidance-rescale", float, "0 to 1, for v-prediction. [default: 0]"),
    "sampler": ("--sampler", str, "Euler, Euler a, DPM++ 2M Karras, UniPC, … [default: Euler]"),
    "schedule": ("--schedule", str, "Karras, Exponential, SGM Uniform, … [default: Automatic]"),
    "width": ("--width", int, "Pixels. [default: the base's own]"),
    "height": ("--height", int, "Pixels. [default: the base's own]"),
    "clip_skip": ("--clip-skip", int, "Layer of the text encoders from the end. [default: 2]"),
    "denoising_strength": (
        "--denoising-strength",
        float,
        "With --init-image: how far from it, 0 to 1. [default: 0.75]",
    ),
    "mask_blur": ("--mask-blur", float, "Pixels. [default: 4]"),
    "hires_scale": ("--hires-scale", float, "Draw again, so many times as large. [default: 1]"),
    "hires_upscaler": ("--hires-upscaler", str, "Latent, Lanczos, … [default: Latent]"),
    "hires_steps": ("--hires-steps", int, "Of the second pass. [default: as the first]"),
    "hires_denoising_strength": ("--hires-denoising-strength", float, "0 to 1. [default: 0.7]"),
    "switch_at": ("--switch-at", float, "Share of the steps before the refiner. [default: 0.6]"),
}
"""Field of a picture → its option, type and help."""
_TILING = click.option("--tiling", is_flag=True, help="Opposite edges continue each other.")
_PLACES = ("base", "base_config", "refiner", "vae", "init_image", "mask", "tiling")


def picture_options(function: _Function) -> _Function:
    """Give a command the options of how pictures are drawn; `picture_request` reads them."""
    path = click.Path(path_type=Path)
    others = [
        click.option("--base", default="", help="What to draw on. [default: the adapters' own]"),
        click.option(
            "--base-config",
            type=path,
            help="For a single-file base: diffusers folder with its configuration and tokenizers.",
        ),
        click.option("--vae", type=path, help="A .safetensors file with another VAE."),
        click.option("--refiner", default="", help="A checkpoint that ends the pictures."),
        click.option(
            "--init-image", default="", help="Start from this picture: a file, or a SHA-256."
        ),
        click.option("--mask", default="", help="Draw only what is white in this picture."),
        _TILING,
    ]
    return _with_settings(function, others)


def remote_picture_options(function: _Function) -> _Function:
    """The same where a server draws, which reads no files; `picture_body` reads them."""
    others = [
        click.option(
            "--base", default="", help="A recorded checkpoint. [default: the adapters' own]"
        ),
        click.option("--refiner", default="", help="A recorded checkpoint that ends the pictures."),
        click.option(
            "--init-image",
            default="",
            help="Start from this picture of the server: its SHA-256, or the same file here.",
        ),
        click.option("--mask", default="", help="Draw only what is white in this one; likewise."),
        _TILING,
    ]
    return _with_settings(function, others)


def _with_settings(function: _Function, others: Sequence[Callable[[Any], Any]]) -> _Function:
    settings = [
        click.option(option, name, type=kind, help=text)
        for name, (option, kind, text) in _SETTINGS.items()
    ]
    for option in reversed([*settings, *others]):
        function = option(function)
    return function


def picture_request(options: dict[str, Any]) -> "PictureRequest":
    """What the options say; they are taken out, so that what is left is the command's own."""
    from sdxl_reg.catalog.picture_requests import PictureRequest

    said = {name: options.pop(name) for name in _SETTINGS}
    places = {name: options.pop(name) for name in _PLACES}
    settings = {name: value for name, value in said.items() if value is not None}
    if places["tiling"]:
        settings["tiling"] = True
    return PictureRequest(
        base=places["base"],
        config_path=places["base_config"],
        refiner=places["refiner"],
        vae=places["vae"],
        init_image=places["init_image"],
        mask=places["mask"],
        settings=settings,
    )


def picture_body(options: dict[str, Any]) -> dict[str, Any]:
    """What the options say as members of a request; they are taken out, as by `picture_request`."""
    said = {name: options.pop(name) for name in (*_SETTINGS, "base", "refiner")}
    said |= {name: _digest_of(options.pop(name)) for name in ("init_image", "mask")}
    said["tiling"] = options.pop("tiling") or None
    return {name: value for name, value in said.items() if value not in (None, "")}


def _digest_of(said: str) -> str:
    """The SHA-256 of a file of this machine; a SHA-256 stays."""
    path = Path(said).expanduser()
    if not said or not path.is_file():
        return said
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
