"""A job's settings as options of sd-scripts' programs: what goes into `--config_file`.

Source: sd-scripts 48d368f, `library/train_util.py` (`add_*_arguments`), `train_network.py`,
`train_textual_inversion.py`, `sdxl_train.py`.
"""

import json
import math
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from sdxl_reg.errors import UsageError
from sdxl_reg.formats.kohya.words import written_pairs
from sdxl_reg.trainers.interface import BaseModel, Report, TrainingJob
from sdxl_reg.training.plan import VERSIONS
from sdxl_reg_kohya.config import (
    KohyaCheckpointConfig,
    KohyaEmbeddingConfig,
    KohyaLoraConfig,
    SdScriptsConfig,
)

NEEDED = frozenset(
    {"pretrained_model_name_or_path", "tokenizer_cache_dir", "output_dir", "output_name"}
    | {"learning_rate", "max_train_steps", "max_train_epochs", "seed", "network_module"}
    | {"network_dim", "network_alpha", "token_string", "num_vectors_per_token"}
)
"""Options without which something else would be trained than was asked for."""
_AS_THEY_ARE = (
    *("seed", "save_precision", "mixed_precision", "max_grad_norm", "gradient_checkpointing"),
    *("gradient_accumulation_steps", "lr_scheduler", "lr_scheduler_num_cycles"),
    *("lr_scheduler_power", "zero_terminal_snr", "min_timestep", "max_timestep", "noise_offset"),
    *("adaptive_noise_scale", "ip_noise_gamma", "loss_type", "huber_schedule", "huber_c"),
    *("huber_scale", "min_snr_gamma", "debiased_estimation_loss"),
    *("scale_v_pred_loss_like_noise_pred", "validate_every_n_steps", "training_comment"),
    *("metadata_author", "metadata_description", "metadata_license", "metadata_tags", "log_with"),
)
_ARGUMENTS_OF_ADAFACTOR = {"relative_step": False, "scale_parameter": False, "warmup_init": False}


def common_options(job: TrainingJob, config: SdScriptsConfig) -> dict[str, Any]:
    """The options that every program has.

    Args:
        job: For the prediction type of its base.
        config: Its settings.

    Returns:
        Option → value; what says nothing (None, empty, 0, off) is not among them.
    """
    values = {name: getattr(config, name) for name in _AS_THEY_ARE}
    values |= _length(config) | _optimizer(config)
    if config.multires_noise_iterations:
        values["multires_noise_iterations"] = config.multires_noise_iterations
        values["multires_noise_discount"] = config.multires_noise_discount
    if job.class_images:
        values["prior_loss_weight"] = config.prior_loss_weight
    return _saying_something(values) | {
        "v_parameterization": _prediction_type(job.base, config) == "v_prediction",
        "learning_rate": config.learning_rate,
        "lr_warmup_steps": _steps(config.lr_warmup_steps),
        "max_grad_norm": config.max_grad_norm,
        "save_model_as": "safetensors",
        "cache_latents": not config.random_crop,
        "max_data_loader_n_workers": 0,
        "no_half_vae": True,
        "sdpa": True,
        "console_log_simple": True,
    }


def lora_options(config: KohyaLoraConfig) -> dict[str, Any]:
    """The options of `sdxl_train_network.py` alone."""
    rates = [config.rate_of("text_encoder"), config.rate_of("text_encoder_2")]
    arguments = {
        "conv_dim": config.conv_rank,
        "conv_alpha": config.conv_alpha if config.conv_rank else None,
        "rank_dropout": config.rank_dropout,
        "module_dropout": config.module_dropout,
    }
    values = {
        "network_module": config.network_module or f"networks.{config.algorithm}",
        "network_dim": config.rank,
        "network_alpha": config.alpha,
        "network_dropout": config.network_dropout,
        "network_args": _words(_saying_something(arguments) | config.network_args),
        "scale_weight_norms": config.scale_weight_norms,
    }
    options = _saying_something(values) | {
        "unet_lr": config.rate_of("unet"),
        "text_encoder_lr": rates,
        "network_train_unet_only": not any(rates),
        "network_train_text_encoder_only": not config.rate_of("unet"),
    }
    if not any(rates) and _says_the_same_each_time(config):
        options["cache_text_encoder_outputs"] = True
    return options


def embedding_options(config: KohyaEmbeddingConfig, *, word: str) -> dict[str, Any]:
    """The options of `sdxl_train_textual_inversion.py` alone.

    Args:
        config: Its settings.
        word: What stands in the captions for the vectors; no word of the vocabulary.
    """
    return {
        "token_string": word,
        "init_word": config.init_word,
        "num_vectors_per_token": config.num_vectors,
    }


def checkpoint_options(config: KohyaCheckpointConfig) -> dict[str, Any]:
    """The options of `sdxl_train.py` alone.

    Raises:
        UsageError: The U-Net shall not be trained.
    """
    rates = [config.rate_of("text_encoder"), config.rate_of("text_encoder_2")]
    if not config.rate_of("unet"):
        raise UsageError(
            "sdxl_train.py always trains the U-Net", remedy="Set learning_rate above 0"
        )
    options: dict[str, Any] = {"learning_rate": config.rate_of("unet")}
    if any(rates):
        options |= {"train_text_encoder": True}
        options |= {"learning_rate_te1": rates[0], "learning_rate_te2": rates[1]}
    return options


def accepted(
    options: Mapping[str, Any], known: Collection[str], program: str, report: Report
) -> dict[str, Any]:
    """Those of some options that a program takes; the others are told.

    Args:
        options: Option → value.
        known: What the program takes.
        program: Its name.
        report: Hears of every option that is left out, unless it is off.

    Raises:
        UsageError: One that is needed is not among them.
    """
    missing = sorted(options.keys() - set(known))
    if needed := [name for name in missing if name in NEEDED]:
        raise UsageError(
            f"{program} of this commit has no option --{needed[0]}",
            remedy="Check out another commit of sd-scripts",
        )
    for name in missing:
        if options[name] not in (None, False, 0, "", []):
            report.message(f"{program} of this commit has no option --{name}: it is left out")
    return {name: value for name, value in options.items() if name in known}


def _length(config: SdScriptsConfig) -> dict[str, Any]:
    """How long, and how often a file is saved: by default about five times."""
    values: dict[str, Any] = {
        "save_every_n_epochs": config.save_every_n_epochs,
        "save_every_n_steps": config.save_every_n_steps,
    }
    steps, epochs = config.max_train_steps, config.max_train_epochs
    values |= {"max_train_steps": steps} if steps else {"max_train_epochs": epochs}
    if not any((config.save_every_n_epochs, config.save_every_n_steps)):
        every = math.ceil((steps or epochs) / VERSIONS)
        values["save_every_n_steps" if steps else "save_every_n_epochs"] = every
    return values


def _optimizer(config: SdScriptsConfig) -> dict[str, Any]:
    arguments = dict(config.optimizer_args)
    if config.optimizer_type.lower() == "adafactor":
        arguments = _ARGUMENTS_OF_ADAFACTOR | arguments  # else it takes no learning rate
    if config.weight_decay is not None:
        arguments.setdefault("weight_decay", config.weight_decay)
    return {"optimizer_type": config.optimizer_type, "optimizer_args": _words(arguments)}


def _words(arguments: Mapping[str, Any]) -> list[str]:
    return written_pairs(arguments).split()


def _steps(warm_up: float) -> float | int:
    return warm_up if warm_up < 1 else int(warm_up)


def _says_the_same_each_time(config: SdScriptsConfig) -> bool:
    return not (
        config.shuffle_caption
        or config.caption_dropout_rate
        or config.caption_dropout_every_n_epochs
        or config.caption_tag_dropout_rate
    )


def _prediction_type(base: BaseModel, config: SdScriptsConfig) -> str:
    if config.prediction_type is not None:
        return config.prediction_type
    folder: Path = base.config_path or base.path
    scheduler = json.loads((folder / "scheduler" / "scheduler_config.json").read_bytes())
    return str(scheduler.get("prediction_type", "epsilon"))


def _saying_something(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value for name, value in values.items() if value not in (None, False, 0, "", [], {})
    }
