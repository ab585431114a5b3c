"""Loading a base checkpoint as a pipeline: offline, silent, and only if it is SDXL."""

import os
import warnings
from pathlib import Path

import torch

from sdxl_reg.formats.checkpoint import require_sdxl

# Both say on import that torchvision is missing, which is not needed here, and set up their own
# loggers while doing so: only these variables are read early enough.
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("DIFFUSERS_VERBOSITY", "error")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import diffusers
    import transformers
    from diffusers import StableDiffusionXLPipeline

__all__ = ["StableDiffusionXLPipeline", "diffusers", "load_pipeline"]


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
    _be_silent()
    if path.is_dir():
        pipeline = StableDiffusionXLPipeline.from_pretrained(
            path, dtype=dtype, local_files_only=True, add_watermarker=False
        )
    else:
        pipeline = StableDiffusionXLPipeline.from_single_file(
            str(path),
            config=str(config_path),
            dtype=dtype,
            local_files_only=True,
            add_watermarker=False,
        )
    pipeline.vae.to(torch.float32)  # SDXL's VAE overflows in half precision
    for part in (pipeline.unet, pipeline.vae, pipeline.text_encoder, pipeline.text_encoder_2):
        part.requires_grad_(False).eval()
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _be_silent() -> None:
    diffusers.utils.logging.set_verbosity_error()
    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
