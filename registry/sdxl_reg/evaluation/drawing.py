"""Drawing a batch: every row with its own prompts, seed and adapters, all in one pass.

A batch always has the same shape: one with fewer pictures is filled up with copies of its last
one, so what a picture looks like does not depend on which others are drawn beside it.

Accuracy: a row equals the same picture drawn alone with plain diffusers within 1e-4 in latents
(float32; tests/registry/evaluation/test_drawing.py).
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from sdxl_reg.diffusion.conditioning import TextConditioning, together
from sdxl_reg.diffusion.guidance import Guidance
from sdxl_reg.diffusion.pictures import (
    encode_pictures,
    feathered,
    fitted,
    kept_pixels,
    latent_mask,
)
from sdxl_reg.diffusion.samplers import make_scheduler
from sdxl_reg.diffusion.sampling import decode, denoise, initial_noise, make_generators
from sdxl_reg.diffusion.stages import Handover, Start, schedule_length
from sdxl_reg.diffusion.text_memory import text_remembered
from sdxl_reg.diffusion.texts import Text, encode_negatives, encode_texts
from sdxl_reg.diffusion.tiling import tiling
from sdxl_reg.diffusion.upscaling import upscale
from sdxl_reg.errors import Corrupt
from sdxl_reg.evaluation.batches import active
from sdxl_reg.evaluation.studio import MOST_TEXTS, KnownTexts, Studio, has_own_text_strength
from sdxl_reg.imaging.decode import upright_rgb
from sdxl_reg.imaging.problems import Unreadable
from sdxl_reg.jobs.pictures import PictureSpec

PIXELS_DECODED_AT_ONCE = 2 * 1024 * 1024
OnStep = Callable[[int, int], None]
Conditioning = tuple[TextConditioning, TextConditioning | None]
"""Of a prompt, and of what to lead away from."""


def draw_pictures(
    studio: Studio,
    pictures: Sequence[PictureSpec],
    size: int,
    *,
    on_step: OnStep | None = None,
) -> list[Tensor]:
    """Pictures of a batch.

    Args:
        studio: The models.
        pictures: From `batches.batches`: they differ only in what a row can have for itself.
        size: Rows of the batch; it is filled up to that.
        on_step: Is told how many steps are done, and of how many.

    Returns:
        One a picture, in the same order: shape (3, height, width), in 0 … 1; what could not be
        computed is not finite.
    """
    latents = draw_latents(studio, pictures, size, on_step=on_step)
    return list(_decoded(studio, pictures, latents, size=size))


def draw_latents(
    studio: Studio,
    pictures: Sequence[PictureSpec],
    size: int,
    *,
    on_step: OnStep | None = None,
) -> Tensor:
    """Latents of a batch; arguments as for `draw_pictures`.

    Returns:
        Shape (pictures, channels, height / 8, width / 8).
    """
    rows = [*pictures, *[pictures[-1]] * (size - len(pictures))]
    pipeline = studio.pipeline(rows[0])
    with ExitStack() as stack:
        if rows[0].tiling:
            stack.enter_context(tiling(pipeline, *_refiners(studio, rows[0])))
        if has_own_text_strength(rows):
            with studio.applied(pipeline, rows, to_texts=True):
                texts = _texts(studio, pipeline, rows)
        stack.enter_context(studio.applied(pipeline, rows, to_texts=False))
        if not has_own_text_strength(rows):
            texts = _texts(studio, pipeline, rows)
        if len({_lengths(text) for text in texts}) == 1:
            stack.enter_context(text_remembered(pipeline.unet))
            batch = _Batch(studio, pipeline, rows, texts, on_step)
            return _passes(batch)[: len(pictures)]
    return _drawn_by_length(studio, pictures, texts, size=size, on_step=on_step)


@dataclass(frozen=True)
class _Batch:
    """Rows that are ready to be drawn: the pipeline has their adapters."""

    studio: Studio
    pipeline: Any
    rows: Sequence[PictureSpec]
    texts: Sequence[Conditioning]
    on_step: OnStep | None

    @property
    def first(self) -> PictureSpec:
        """What counts for all rows alike."""
        return self.rows[0]


def _drawn_by_length(
    studio: Studio,
    pictures: Sequence[PictureSpec],
    texts: Sequence[Conditioning],
    *,
    size: int,
    on_step: OnStep | None,
) -> Tensor:
    """Latents of rows whose texts are not equally long, each length in a batch of its own."""
    places: dict[tuple[int, int], list[int]] = {}
    for place, text in enumerate(texts[: len(pictures)]):
        places.setdefault(_lengths(text), []).append(place)
    found: dict[int, Tensor] = {}
    for group in places.values():
        drawn = draw_latents(studio, [pictures[at] for at in group], size, on_step=on_step)
        found |= dict(zip(group, drawn, strict=True))
    return torch.stack([found[place] for place in range(len(pictures))])


def _passes(batch: _Batch) -> Tensor:
    """The one pass, or the small one and the large one."""
    first = batch.first
    steps, handover = first.num_inference_steps, _handover(batch)
    size = (first.width, first.height)
    if first.hires_scale == 1:
        start = _start(batch)
        return _pass(batch, size, steps=steps, start=start, handover=handover)
    small = _pass(batch, size, steps=steps, start=None, handover=None)
    width, height = first.final_size
    larger = upscale(batch.pipeline, small, first.hires_upscaler, width=width, height=height)
    strength = first.hires_denoising_strength
    if first.hires_steps:
        steps = schedule_length(first.hires_steps, strength)
    start = Start(latents=larger, denoising_strength=strength)
    return _pass(batch, (width, height), steps=steps, start=start, handover=handover)


def _pass(
    batch: _Batch,
    size: tuple[int, int],
    *,
    steps: int,
    start: Start | None,
    handover: Handover | None,
) -> Tensor:
    first, pipeline = batch.first, batch.pipeline
    generators = make_generators([row.seed for row in batch.rows])
    prompts, negative = _joined(batch.texts)
    return denoise(
        pipeline,
        make_scheduler(first.sampler, pipeline.scheduler.config, schedule=first.schedule),
        initial_noise(pipeline, generators, width=size[0], height=size[1]),
        prompts=prompts,
        negative=negative,
        guidance_scale=first.guidance_scale,
        guidance_rescale=first.guidance_rescale,
        num_inference_steps=steps,
        generators=generators,
        start=start,
        handover=handover,
        on_step=batch.on_step,
    )


def _texts(studio: Studio, pipeline: Any, rows: Sequence[PictureSpec]) -> list[Conditioning]:
    """What the encoders say of every row."""
    touched = any(studio.touches_texts(use.ref) for row in rows for use in active(row))
    known = None if touched else studio.known_texts
    skip = rows[0].clip_skip
    prompts = _encoded(
        pipeline, [(row.prompt, row.prompt_2) for row in rows], skip, "prompt", known
    )
    if not rows[0].is_guided:
        return [(prompt, None) for prompt in prompts]
    asked = [(row.negative_prompt, row.negative_prompt_2) for row in rows]
    return list(zip(prompts, _encoded(pipeline, asked, skip, "negative", known), strict=True))


def _encoded(
    pipeline: Any,
    texts: Sequence[Text],
    clip_skip: int,
    side: str,
    known: KnownTexts | None,
) -> list[TextConditioning]:
    """Texts encoded row by row; those that nothing changes only once in a job.

    Always so many at once as the batch has rows: in batches of other sizes float32 sums in another
    order, and a picture would depend on what is drawn beside it.
    """
    encode = encode_texts if side == "prompt" else encode_negatives
    if known is None:
        return encode(pipeline, texts, clip_skip=clip_skip)
    rows = len(texts)
    distinct = list(dict.fromkeys(texts))
    if len(known) + len(distinct) > MOST_TEXTS:
        known.clear()
    missing = [text for text in distinct if (text, clip_skip, side, rows) not in known]
    if missing:
        filled = missing + missing[-1:] * (rows - len(missing))
        found = encode(pipeline, filled, clip_skip=clip_skip)
        known |= {
            (text, clip_skip, side, rows): said for text, said in zip(filled, found, strict=True)
        }
    return [known[text, clip_skip, side, rows] for text in texts]


def _lengths(text: Conditioning) -> tuple[int, int]:
    prompt, negative = text
    return prompt.context.shape[1], negative.context.shape[1] if negative else 0


def _joined(texts: Sequence[Conditioning]) -> Conditioning:
    prompts = together([prompt for prompt, _ in texts])
    negatives = [negative for _, negative in texts if negative]
    return prompts, together(negatives) if negatives else None


def _start(batch: _Batch) -> Start | None:
    picture = batch.first
    if not picture.init_image:
        return None
    original = _input(batch.studio, picture, picture.init_image)
    mask = _mask(batch.studio, picture)
    return Start(
        latents=encode_pictures(batch.pipeline, [original]),
        denoising_strength=picture.denoising_strength,
        mask=latent_mask(mask) if mask else None,
    )


def _handover(batch: _Batch) -> Handover | None:
    first = batch.first
    if not first.refiner:
        return None
    refiner = batch.studio.refiner(first)
    negative = None
    if first.is_guided:
        asked = [(row.negative_prompt, row.negative_prompt_2) for row in batch.rows]
        negative = together(encode_negatives(refiner, asked, clip_skip=first.clip_skip))
    texts = [(row.prompt, row.prompt_2) for row in batch.rows]
    guidance = Guidance(
        prompts=together(encode_texts(refiner, texts, clip_skip=first.clip_skip)),
        negative=negative,
        scale=first.guidance_scale,
        rescale=first.guidance_rescale,
    )
    return Handover(pipeline=refiner, guidance=guidance, switch_at=first.switch_at)


def _refiners(studio: Studio, picture: PictureSpec) -> list[Any]:
    return [studio.refiner(picture)] if picture.refiner else []


def _decoded(
    studio: Studio, pictures: Sequence[PictureSpec], latents: Tensor, *, size: int
) -> Tensor:
    """Pixels of a batch; a VAE that was asked for goes before that of a checkpoint's version.

    They are decoded in portions of one shape, filled up as batches are.
    """
    picture = pictures[0]
    pipeline = studio.pipeline(picture)
    width, height = picture.final_size
    portion = max(1, min(size, PIXELS_DECODED_AT_ONCE // (width * height)))
    apart = not picture.vae and studio.has_own_vae(pictures)
    with ExitStack() as stack:
        if picture.tiling:
            stack.enter_context(tiling(pipeline))
        if apart:
            rows = [_decoded_with_own(studio, *row) for row in zip(pictures, latents, strict=True)]
            drawn = torch.cat(rows)
        else:
            portions = torch.split(_filled_up(latents, portion), portion)
            drawn = torch.cat([decode(pipeline, some) for some in portions])[: len(latents)]
    mask = _mask(studio, picture)
    if mask is None:
        return drawn
    original = _input(studio, picture, picture.init_image)
    return kept_pixels(drawn, original, feathered(mask, picture.mask_blur))


def _filled_up(latents: Tensor, portion: int) -> Tensor:
    """Rows and copies of the last one, to a multiple of so many."""
    return torch.cat([latents, latents[-1:].repeat(-len(latents) % portion, 1, 1, 1)])


def _decoded_with_own(studio: Studio, picture: PictureSpec, latents: Tensor) -> Tensor:
    pipeline = studio.pipeline(picture)
    with studio.applied(pipeline, [picture], to_texts=False):
        return decode(pipeline, latents[None])


def _mask(studio: Studio, picture: PictureSpec) -> Image.Image | None:
    if not picture.mask:
        return None
    mask: Image.Image = _input(studio, picture, picture.mask).convert("L")
    return mask


def _input(studio: Studio, picture: PictureSpec, digest: str) -> Image.Image:
    path = studio.spec.images[digest]
    try:
        found = upright_rgb(path.read_bytes())
    except (OSError, Unreadable) as error:
        raise Corrupt(path, str(error), remedy="Give a picture that can be read") from error
    return fitted(found, width=picture.width, height=picture.height)
