"""Loading who takes over the last steps: SDXL's refiner, or any SDXL base.

The refiner has only the second text encoder, a context of its width, and is told an aesthetic score
instead of a target size.

Source: Podell et al. 2023, arXiv:2307.01952, section 2.5; layouts of `stable-diffusion-xl-refiner`
as a diffusers folder and as `sd_xl_refiner_1.0.safetensors`.
"""

from pathlib import Path
from typing import Any

import torch

from sdxl_reg.diffusion.pipeline import (
    be_silent,
    diffusers,
    load_pipeline,
    require_complete,
    second_text_encoder,
    transformers,
)
from sdxl_reg.errors import Corrupt, NotFound, UsageError
from sdxl_reg.formats.refiner import ENCODER, REMEDY, is_refiner, refiner_index

MODELS = ("unet", "vae", "text_encoder_2")


def load_refiner(
    path: Path, *, config_path: Path | None = None, dtype: torch.dtype = torch.float32
) -> Any:
    """A refiner, or a base in its place, on the CPU, its VAE in float32, in evaluation mode.

    Args:
        path: A diffusers folder, or a single `.safetensors` file.
        config_path: For a single file: a diffusers folder with its configuration and tokenizers.
        dtype: Of the U-Net and the text encoders.

    Returns:
        A `StableDiffusionXLPipeline` of a base, or a `StableDiffusionXLImg2ImgPipeline` without
        first text encoder of a refiner. Both fit into `stages.Handover`.

    Raises:
        NotFound: There is nothing at the path, or a part of it is not there.
        Corrupt: It is not what it claims to be.
        UsageError: It is a checkpoint of something else, or a single file without its folder.
    """
    if not is_refiner(path):
        return load_pipeline(path, config_path=config_path, dtype=dtype)
    be_silent()
    folder = path if path.is_dir() else config_path
    if folder is None:
        raise UsageError(
            f"{path}: a single file does not say how its parts are configured",
            remedy="Give a diffusers folder of its configuration and tokenizers as well",
        )
    index = refiner_index(folder)
    try:
        parts = _from_folder(path, dtype) if path.is_dir() else _from_file(path, folder, dtype)
        refiner = _assembled(folder, index, parts)
    except (OSError, ValueError, KeyError, RuntimeError) as error:  # what the loaders raise
        raise Corrupt(path, f"cannot be loaded: {error}") from error
    _finish(refiner)
    return refiner


def _from_folder(path: Path, dtype: torch.dtype) -> dict[str, Any]:
    kinds = {
        "unet": diffusers.UNet2DConditionModel,
        "vae": diffusers.AutoencoderKL,
        "text_encoder_2": transformers.CLIPTextModelWithProjection,
    }
    parts = {}
    for part, kind in kinds.items():
        files = [file.name for file in (path / part).glob("*.safetensors")]
        if not files:
            raise NotFound("weights", path / part / "*.safetensors", remedy=REMEDY)
        variant = "fp16" if all(".fp16" in name for name in files) else None
        parts[part] = kind.from_pretrained(
            path / part, dtype=dtype, variant=variant, local_files_only=True
        )
        require_complete(path / part, parts[part])
    return parts


def _from_file(path: Path, config: Path, dtype: torch.dtype) -> dict[str, Any]:
    told = {"config": str(config), "local_files_only": True}
    parts = {
        "unet": diffusers.UNet2DConditionModel.from_single_file(
            str(path), subfolder="unet", torch_dtype=dtype, **told
        ),
        "vae": diffusers.AutoencoderKL.from_single_file(str(path), subfolder="vae", **told),
        "text_encoder_2": second_text_encoder(path, config, dtype, prefix=ENCODER),
    }
    for part, model in parts.items():
        for name, tensor in model.state_dict().items():
            if tensor.is_meta:
                raise Corrupt(path, f"it has no weights for {name!r} of the {part}")
    return parts


def _assembled(folder: Path, index: dict[str, Any], parts: dict[str, Any]) -> Any:
    scheduler = getattr(diffusers, index["scheduler"][1])
    return diffusers.StableDiffusionXLImg2ImgPipeline(
        **parts,
        text_encoder=None,
        tokenizer=None,
        tokenizer_2=transformers.CLIPTokenizer.from_pretrained(folder / "tokenizer_2"),
        scheduler=scheduler.from_pretrained(folder / "scheduler"),
        requires_aesthetics_score=bool(index.get("requires_aesthetics_score")),
        force_zeros_for_empty_prompt=bool(index.get("force_zeros_for_empty_prompt")),
        add_watermarker=False,
    )


def _finish(refiner: Any) -> None:
    refiner.vae.to(torch.float32)  # SDXL's VAE overflows in half precision
    for part in MODELS:
        getattr(refiner, part).requires_grad_(False).eval()
    refiner.set_progress_bar_config(disable=True)
