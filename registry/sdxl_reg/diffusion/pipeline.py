"""Loading a base checkpoint as a pipeline: offline, silent, and only if it is SDXL."""

import os
import warnings
from pathlib import Path

import torch
from safetensors import safe_open

from sdxl_reg.errors import Corrupt
from sdxl_reg.formats.checkpoint import require_sdxl
from sdxl_reg.formats.safetensors import read_header

# Both say on import that torchvision is missing, which is not needed here, and set up their own
# loggers while doing so: only these variables are read early enough.
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("DIFFUSERS_VERBOSITY", "error")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import diffusers
    import transformers
    from diffusers import StableDiffusionXLPipeline
    from diffusers.loaders.single_file_utils import create_diffusers_clip_model_from_ldm

MODELS = ("unet", "vae", "text_encoder", "text_encoder_2")
SECOND_ENCODER = "conditioner.embedders.1.model."

__all__ = [
    "StableDiffusionXLPipeline",
    "be_silent",
    "diffusers",
    "load_pipeline",
    "require_complete",
    "second_text_encoder",
    "transformers",
]


def load_pipeline(
    path: Path, *, config_path: Path | None = None, dtype: torch.dtype = torch.float32
) -> StableDiffusionXLPipeline:
    """A base as a pipeline on the CPU, its VAE in float32, every part in evaluation mode.

    Args:
        path: A diffusers folder, or a single `.safetensors` file.
        config_path: For a single file: a diffusers folder with its configuration and tokenizers.
        dtype: Of the U-Net and the text encoders.

    Returns:
        A `StableDiffusionXLPipeline` without progress bar, watermark or gradients.

    Raises:
        NotFound: There is nothing at the path.
        Corrupt: It is not what it claims to be.
        UsageError: It is a checkpoint of something else than SDXL's base.
    """
    require_sdxl(path, config_path=config_path)
    be_silent()
    try:
        if config_path is None or path.is_dir():
            pipeline = _from_folder(path, dtype)
        else:
            pipeline = _from_single_file(path, config_path, dtype)
    except (OSError, ValueError, KeyError, RuntimeError) as error:  # what the loaders raise
        raise Corrupt(path, f"cannot be loaded: {error}") from error
    pipeline.vae.to(torch.float32)  # SDXL's VAE overflows in half precision
    for part in MODELS:
        getattr(pipeline, part).requires_grad_(False).eval()
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _from_folder(path: Path, dtype: torch.dtype) -> StableDiffusionXLPipeline:
    plain = (path / "unet").glob("diffusion_pytorch_model*.safetensors")
    pipeline = StableDiffusionXLPipeline.from_pretrained(
        path,
        dtype=dtype,
        variant="fp16" if all(".fp16" in file.name for file in plain) else None,
        local_files_only=True,
        add_watermarker=False,
    )
    for part in MODELS:
        require_complete(path / part, getattr(pipeline, part))
    return pipeline


def _from_single_file(path: Path, config: Path, dtype: torch.dtype) -> StableDiffusionXLPipeline:
    pipeline = StableDiffusionXLPipeline.from_single_file(
        str(path),
        config=str(config),
        text_encoder_2=second_text_encoder(path, config, dtype),
        dtype=dtype,
        local_files_only=True,
        add_watermarker=False,
    )
    for part in MODELS:
        for name, tensor in getattr(pipeline, part).state_dict().items():
            if tensor.is_meta:
                raise Corrupt(path, f"it has no weights for {name!r} of the {part}")
    return pipeline


def second_text_encoder(
    path: Path, config: Path, dtype: torch.dtype, *, prefix: str = SECOND_ENCODER
) -> transformers.CLIPTextModelWithProjection:
    """The second text encoder of a single file, found by its prefix.

    diffusers goes by the width of the encoders, and takes the first one's weights for both where
    these are equally wide.

    Args:
        path: A `.safetensors` file.
        config: A diffusers folder with its configuration.
        dtype: Of the encoder.
        prefix: How its keys begin in the file.
    """
    with safe_open(path, framework="pt") as file:
        weights = {
            SECOND_ENCODER + name.removeprefix(prefix): file.get_tensor(name)
            for name in read_header(path).tensors
            if name.startswith(prefix)
        }
    return create_diffusers_clip_model_from_ldm(
        transformers.CLIPTextModelWithProjection,
        weights,
        subfolder="text_encoder_2",
        config=str(config),
        torch_dtype=dtype,
        local_files_only=True,
    )


def require_complete(folder: Path, model: torch.nn.Module) -> None:
    """Refuse a part whose files lack a weight: the loaders would make one up and only warn.

    Args:
        folder: With the part's `.safetensors` files.
        model: As it was loaded from there.

    Raises:
        Corrupt: A weight of the model stands in none of them.
    """
    found = {
        name.removeprefix("text_model.")
        for file in folder.glob("*.safetensors")
        for name in read_header(file).tensors
    }
    for name in model.state_dict():
        if name.removeprefix("text_model.") not in found and not name.endswith("position_ids"):
            raise Corrupt(folder, f"no file of it has the weight {name!r}")


def be_silent() -> None:
    """Keep diffusers and transformers from writing to the terminal while they load."""
    diffusers.utils.logging.set_verbosity_error()
    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
