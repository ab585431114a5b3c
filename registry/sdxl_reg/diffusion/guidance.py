"""What a U-Net predicts of a batch, led towards the prompts and away from the negative ones.

Source: Ho and Salimans 2022, arXiv:2207.12598 (guidance); Lin et al. 2023, arXiv:2305.08891,
section 3.4 (rescaled guidance); Podell et al. 2023, arXiv:2307.01952 (sizes, aesthetic scores).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sdxl_reg.diffusion.conditioning import TextConditioning, size_ids
from sdxl_reg.errors import InvalidValue

Predictor = Callable[[Tensor, Tensor], Tensor]
"""Latents as the U-Net takes them, timestep → what the scheduler takes."""
SCORES = (6.0, 2.5)
"""The aesthetic scores that a refiner is led towards and away from, as in diffusers and A1111."""


@dataclass(frozen=True, kw_only=True)
class Guidance:
    """Where a batch is led.

    Attributes:
        prompts: Conditioning of the N prompts.
        negative: Of what to lead away from, for the same N rows, or None to go without guidance.
            It may be longer or shorter than the prompts' context: then the U-Net is called twice.
        scale: w of `uncond + w · (cond − uncond)`; only used with `negative`.
        rescale: φ of Lin et al., 0 … 1: how far the prediction gets back the deviation that it
            has without guidance.
        scores: Aesthetic scores of prompts and negative, for a refiner.
    """

    prompts: TextConditioning
    negative: TextConditioning | None
    scale: float
    rescale: float = 0.0
    scores: tuple[float, float] = SCORES


def time_ids(rows: int, *, width: int, height: int, like: Tensor) -> Tensor:
    """SDXL's size conditioning: original size, crop corner, target size; (rows, 6).

    A picture is asked for as one that was never resized or cropped.
    """
    values = size_ids((height, width), (0, 0), (height, width))
    return torch.tensor([values] * rows, dtype=like.dtype, device=like.device)


def predictor(pipeline: Any, guidance: Guidance, like: Tensor) -> Predictor:
    """A U-Net's prediction for every row of a batch.

    Args:
        pipeline: A `StableDiffusionXLPipeline`, or a refiner's.
        guidance: For the rows of the batch.
        like: Latents of the batch: shape (N, channels, h, w), device and precision.

    Raises:
        InvalidValue: The conditioning is for another number of rows.
    """
    _require_rows(guidance, len(like))
    towards = _call(pipeline, guidance.prompts, guidance.scores[0], like)
    if guidance.negative is None:
        return towards
    if _can_be_one(guidance.prompts, guidance.negative):
        both = _joined(pipeline, guidance, guidance.negative, like)
    else:
        away = _call(pipeline, guidance.negative, guidance.scores[1], like)

        def both(latents: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
            return away(latents, t), towards(latents, t)

    def guided(latents: Tensor, t: Tensor) -> Tensor:
        uncond, cond = both(latents, t)
        prediction = uncond + guidance.scale * (cond - uncond)
        return rescaled(prediction, cond, guidance.rescale) if guidance.rescale else prediction

    return guided


def rescaled(prediction: Tensor, cond: Tensor, rescale: float) -> Tensor:
    """A guided prediction with its deviation brought back, row by row.

    Args:
        prediction: With guidance, shape (N, …).
        cond: Of the prompts alone, of the same shape.
        rescale: φ, 0 … 1.

    Source: Lin et al. 2023, arXiv:2305.08891, equations 15 and 16.
    """
    axes = list(range(1, cond.ndim))
    ratio = cond.std(dim=axes, keepdim=True) / prediction.std(dim=axes, keepdim=True)
    return rescale * (prediction * ratio) + (1 - rescale) * prediction


def _joined(
    pipeline: Any, guidance: Guidance, negative: TextConditioning, like: Tensor
) -> Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Both predictions from one call, the negative's rows first."""
    prompts = guidance.prompts
    joined = TextConditioning(
        context=torch.cat([negative.context, prompts.context]),
        pooled=torch.cat([negative.pooled, prompts.pooled]),
    )
    ids = [_ids(pipeline, score, like) for score in reversed(guidance.scores)]
    call = _unet_call(pipeline, joined, torch.cat(ids), like)

    def both(latents: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        uncond, cond = call(torch.cat([latents] * 2), t).chunk(2)
        return uncond, cond

    return both


def _call(pipeline: Any, text: TextConditioning, score: float, like: Tensor) -> Predictor:
    return _unet_call(pipeline, text, _ids(pipeline, score, like), like)


def _unet_call(pipeline: Any, text: TextConditioning, ids: Tensor, like: Tensor) -> Predictor:
    context = text.context.to(like.device, like.dtype)
    added = {"text_embeds": text.pooled.to(like.device, like.dtype), "time_ids": ids}
    mask = None if text.mask is None else text.mask.to(like.device)

    def call(latents: Tensor, t: Tensor) -> Tensor:
        prediction: Tensor = pipeline.unet(
            latents,
            t,
            encoder_hidden_states=context,
            encoder_attention_mask=mask,
            added_cond_kwargs=added,
            return_dict=False,
        )[0]
        return prediction

    return call


def _ids(pipeline: Any, score: float, like: Tensor) -> Tensor:
    factor = pipeline.vae_scale_factor
    height, width = like.shape[-2] * factor, like.shape[-1] * factor
    ids = time_ids(len(like), width=width, height=height, like=like)
    if pipeline.config.get("requires_aesthetics_score"):
        return torch.cat([ids[:, :4], torch.full_like(ids[:, :1], score)], dim=1)
    return ids


def _can_be_one(prompts: TextConditioning, negative: TextConditioning) -> bool:
    plain = prompts.mask is None and negative.mask is None
    return plain and prompts.context.shape == negative.context.shape


def _require_rows(guidance: Guidance, rows: int) -> None:
    for text in (guidance.prompts, guidance.negative):
        if text is not None and len(text.context) != rows:
            raise InvalidValue(
                "number of prompts", len(text.context), remedy=f"Give one for each of {rows} rows"
            )
