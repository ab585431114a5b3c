"""The two files that a program of sd-scripts is given: its configuration and its dataset."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sdxl_reg.formats.checkpoint import native_resolution
from sdxl_reg.formats.kohya.folder import dataset_toml, toml_text
from sdxl_reg.trainers.interface import BaseModel
from sdxl_reg_kohya.config import SdScriptsConfig
from sdxl_reg_kohya.workspace import PictureFolder, Workspace

_OF_PICTURES = (
    *("flip_aug", "random_crop", "alpha_mask", "shuffle_caption", "caption_separator"),
    *("keep_tokens", "keep_tokens_separator", "caption_prefix", "caption_suffix"),
    *("caption_dropout_rate", "caption_dropout_every_n_epochs", "caption_tag_dropout_rate"),
)
"""Settings that are keys of a subset, of the same name and meaning."""


def write_documents(
    workspace: Workspace,
    options: Mapping[str, Any],
    dataset: str,
) -> list[str]:
    """Write both files.

    Args:
        workspace: Receives them.
        options: Option → value.
        dataset: The dataset file's text.

    Returns:
        The words of the command line that name them.
    """
    config_path, dataset_path = workspace.root / "config.toml", workspace.root / "dataset.toml"
    config_path.write_text(toml_text(options), encoding="utf-8")
    dataset_path.write_text(dataset, encoding="utf-8")
    return ["--config_file", str(config_path), "--dataset_config", str(dataset_path)]


def dataset_document(
    folders: Sequence[PictureFolder], base: BaseModel, config: SdScriptsConfig, *, masked: bool
) -> str:
    """The dataset file: sizes, batches, and a subset for each folder.

    Keys whose setting is at its default are left out: not every commit, and not every program,
    knows all of them.

    Args:
        folders: The pictures.
        base: For the size it was made for.
        config: The settings.
        masked: Whether pictures have masks; `write_pictures` made them their alpha channel.
    """
    native = native_resolution(base.config_path or base.path)
    width, height = config.resolution or (native, native)
    shortest, longest, step = config.bucket_sides(native, max(width, height))
    dataset: dict[str, Any] = {
        "resolution": [width, height],
        "batch_size": config.train_batch_size,
        "enable_bucket": config.enable_bucket,
        "min_bucket_reso": shortest,
        "max_bucket_reso": longest,
        "bucket_reso_steps": step,
        "bucket_no_upscale": config.bucket_no_upscale,
    }
    if config.validation_split:
        dataset["validation_split"] = config.validation_split
    if masked:
        config = config.model_copy(update={"alpha_mask": True})
    changed = {
        name: getattr(config, name)
        for name in _OF_PICTURES
        if getattr(config, name) != type(config).model_fields[name].default
    }
    return dataset_toml([_subset(folder) | changed for folder in folders], dataset)


def sample_prompts(config: SdScriptsConfig, base: BaseModel, path: Path) -> dict[str, Any]:
    """Write the prompts of sample pictures, one a line with its size, steps and guidance.

    Args:
        config: The settings.
        base: For the size it was made for.
        path: Of the file.

    Returns:
        The options that name it; none where there is no prompt.
    """
    if not config.sample_prompts:
        return {}
    side = native_resolution(base.config_path or base.path)
    words = f"--w {side} --h {side} --s {config.sample_steps} --l {config.sample_guidance_scale:g}"
    lines = [f"{prompt} {words} --d {config.seed}\n" for prompt in config.sample_prompts]
    path.write_text("".join(lines), encoding="utf-8")
    every = config.sample_every_n_steps
    when = {"sample_every_n_steps": every} if every else {"sample_every_n_epochs": 1}
    return {"sample_prompts": str(path), "sample_sampler": "euler", **when}


def _subset(folder: PictureFolder) -> dict[str, Any]:
    keys: dict[str, Any] = {"image_dir": str(folder.path), "num_repeats": folder.repeats}
    return keys | ({"is_reg": True} if folder.is_class else {})
