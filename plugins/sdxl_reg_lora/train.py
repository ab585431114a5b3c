"""Training a LoRA of SDXL: one loop, from a job to files.

Source: Hu et al. 2021, arXiv:2106.09685; the denoising objective of Ho et al. 2020,
arXiv:2006.11239, with SDXL's conditioning (Podell et al. 2023, arXiv:2307.01952).
"""

import math
import resource
import time
from collections import deque
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sdxl_reg.diffusion.loss import debiased_weights, denoising_loss, min_snr_weights
from sdxl_reg.diffusion.noise import (
    add_noise,
    alphas_cumprod,
    offset_noise,
    prediction_target,
    seeded,
)
from sdxl_reg.diffusion.pipeline import load_pipeline
from sdxl_reg.errors import InvalidValue, UsageError, WorkFailed
from sdxl_reg.formats.lora_metadata import lora_metadata
from sdxl_reg.trainers.interface import Report, TrainedVersion, TrainingJob
from sdxl_reg_lora.config import LoraConfig
from sdxl_reg_lora.dataset import Captions, encoded_pictures
from sdxl_reg_lora.facts import facts
from sdxl_reg_lora.files import save_lora
from sdxl_reg_lora.network import PARTS, add_adapters, lora_tensors, unet_shape
from sdxl_reg_lora.plan import batches, planned, rate_factor

PRECISIONS = {"float": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


def train(job: TrainingJob, report: Report) -> list[Path]:
    """Train a LoRA and save a file for each epoch, or as the settings say.

    Args:
        job: What to train, on what; its `config` is a `LoraConfig`.
        report: Hears of progress, metrics and every file.

    Returns:
        The files, oldest first.

    Raises:
        UsageError: The dataset is empty, the base is not SDXL or the settings do not fit it.
        Corrupt: The base or a picture cannot be read.
        WorkFailed: The loss is no longer a finite number.
    """
    config = _config(job)
    pipeline, device = _loaded(job, config)
    side = _resolution(config, pipeline)
    plan = planned(config, [image.repeats for image in job.images], job.output_name)
    pictures = encoded_pictures(pipeline, job.images, side, config=config, report=report)
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)  # for the adapters' first values
        groups = _adapted(pipeline, config)
    captions = Captions(
        pipeline, [image.caption for image in job.images], trained=groups["text_encoder"]
    )
    optimizer = _optimizer(config, groups)
    parameters = [parameter for group in groups.values() for parameter in group]
    abar = alphas_cumprod(pipeline.scheduler.config)
    prediction_type = str(pipeline.scheduler.config.prediction_type)
    losses: deque[float] = deque()
    files: list[Path] = []
    started = time.monotonic()

    for step, indices in batches(plan, config.seed):
        generator = seeded(config.seed, step)
        x0 = pictures.latents[indices]
        eps = torch.randn(x0.shape, generator=generator)
        eps = offset_noise(eps, config.noise_offset, generator)
        t = torch.randint(len(abar), (len(indices),), generator=generator)
        dropped = torch.rand(len(indices), generator=generator) < config.caption_dropout_rate
        text = captions.conditioning(indices, dropped.tolist())
        with torch.autocast(device.type, torch.bfloat16, enabled=config.mixed_precision == "bf16"):
            prediction = pipeline.unet(
                add_noise(x0, eps, abar[t]).to(device),
                t.to(device),
                encoder_hidden_states=text.context,
                added_cond_kwargs={
                    "text_embeds": text.pooled,
                    "time_ids": pictures.sizes[indices].to(device),
                },
                return_dict=False,
            )[0]
        target = prediction_target(x0, eps, abar[t], prediction_type=prediction_type)
        weights = min_snr_weights(abar[t], config.min_snr_gamma, prediction_type=prediction_type)
        if config.debiased_estimation_loss:
            weights = weights * debiased_weights(abar[t], prediction_type=prediction_type)
        loss = denoising_loss(prediction, target.to(device), weights)
        _require_finite(loss, step, [job.images[index].path for index in indices])

        loss.backward()  # type: ignore[no-untyped-call]
        if config.max_grad_norm:
            nn.utils.clip_grad_norm_(parameters, config.max_grad_norm)
        for group in optimizer.param_groups:
            group["lr"] = group["base_lr"] * rate_factor(config, step, plan.steps)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

        losses.append(loss.item())
        report.metric(
            step,
            loss=losses[-1],
            lr=optimizer.param_groups[0]["lr"],
            steps_per_s=step / (time.monotonic() - started),
        )
        report.progress(step, plan.steps, "train")
        if step in plan.files:
            path = job.output_path / plan.files[step]
            epoch = math.ceil(step / plan.batches_per_epoch)
            tensors = lora_tensors(
                ((part, getattr(pipeline, part)) for part in PARTS),
                unet_shape(pipeline.unet),
                dtype=PRECISIONS[config.save_precision],
            )
            known = facts(job, config, plan, epoch, step, side, prediction_type)
            save_lora(path, tensors, lora_metadata(known, [image.caption for image in job.images]))
            report.version(
                TrainedVersion(
                    path=path,
                    epoch=epoch,
                    step=step,
                    loss=sum(losses) / len(losses),
                    details={"trigger_words": list(known.trigger_words)},
                )
            )
            losses.clear()
            files.append(path)

    report.message(_memory(device))
    return files


def _config(job: TrainingJob) -> LoraConfig:
    if not isinstance(job.config, LoraConfig):
        raise UsageError(f"these are not the settings of a LoRA: {type(job.config).__name__}")
    if not job.images:
        raise UsageError(f"{job.dataset_ref} has no pictures", remedy="Train on another dataset")
    return job.config


def _loaded(job: TrainingJob, config: LoraConfig) -> tuple[Any, torch.device]:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    dtype = torch.bfloat16 if config.mixed_precision == "bf16" else torch.float32
    pipeline = load_pipeline(job.base.path, config_path=job.base.config_path, dtype=dtype)
    if config.gradient_checkpointing:
        pipeline.unet.enable_gradient_checkpointing()
        pipeline.unet.train()  # what checkpointing asks for; SDXL's U-Net has no dropout
    return pipeline.to(device), device


def _resolution(config: LoraConfig, pipeline: Any) -> int:
    """The side of the training pictures; the base's own by default."""
    native = int(pipeline.unet.config.sample_size) * pipeline.vae_scale_factor
    side = config.resolution or native
    if not native / 4 <= side <= native * 2:
        raise InvalidValue(
            f"resolution for a base made for {native} px",
            side,
            remedy=f"Choose between {math.ceil(native / 128) * 32} and {native * 2}",
        )
    return side


def _adapted(pipeline: Any, config: LoraConfig) -> dict[str, list[nn.Parameter]]:
    """New adapters where the learning rate is above 0; the text encoders are one group."""
    groups: dict[str, list[nn.Parameter]] = {"unet": [], "text_encoder": []}
    for part in PARTS:
        group = "unet" if part == "unet" else "text_encoder"
        if _rate(config, group) > 0:
            module = getattr(pipeline, part)
            groups[group] += add_adapters(part, module, rank=config.rank, alpha=config.alpha)
    if not any(groups.values()):
        raise UsageError("nothing to train: every learning rate is 0", remedy="Set learning_rate")
    return groups


def _rate(config: LoraConfig, group: str) -> float:
    own = config.unet_lr if group == "unet" else config.text_encoder_lr
    return config.learning_rate if own is None else own


def _optimizer(config: LoraConfig, groups: dict[str, list[nn.Parameter]]) -> torch.optim.Optimizer:
    parameters = [
        {"params": group, "lr": _rate(config, name), "base_lr": _rate(config, name)}
        for name, group in groups.items()
        if group
    ]
    if config.optimizer_type == "Adafactor":
        return torch.optim.Adafactor(parameters, weight_decay=config.weight_decay)
    return torch.optim.AdamW(parameters, weight_decay=config.weight_decay, fused=True)


def _require_finite(loss: Tensor, step: int, batch: list[Path]) -> None:
    if not torch.isfinite(loss):
        names = ", ".join(str(path) for path in batch)
        raise WorkFailed(
            f"the loss is {loss.item()} at step {step}, with {names}",
            remedy="Lower learning_rate, or leave the picture out",
        )


def _memory(device: torch.device) -> str:
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    text = f"peak memory {resident / 1e9:.2f} GB"
    if device.type == "cuda":
        text += f", {torch.cuda.max_memory_allocated() / 1e9:.2f} GB of the GPU"
    return text
