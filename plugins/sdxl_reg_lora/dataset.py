"""A frozen dataset as the trainer sees it: latents, sizes and texts, each computed once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sdxl_reg.diffusion.conditioning import TextConditioning, encode_prompts, size_ids
from sdxl_reg.diffusion.latents import Pixels, encode_pixels, read_pixels
from sdxl_reg.trainers.interface import Report, TrainingImage
from sdxl_reg_lora.config import LoraConfig


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """All pictures of a dataset, encoded.

    Attributes:
        latents: Shape (pictures, 4, side / 8, side / 8), scaled, on the CPU.
        sizes: Shape (pictures, 6): SDXL's size and crop numbers, in pixels.
    """

    latents: Tensor
    sizes: Tensor


def encoded_pictures(
    pipeline: Any, images: Sequence[TrainingImage], side: int, *, config: LoraConfig, report: Report
) -> Pictures:
    """Every picture cut to a square and through the VAE; a picture is decoded once.

    Raises:
        Corrupt: A picture cannot be decoded.
    """
    latents, sizes = [], []
    for done, image in enumerate(images, start=1):
        pixels = read_pixels(image.path, side, background=config.alpha_background)
        latents.append(encode_pixels(pipeline.vae, pixels.values[None]).cpu())
        sizes.append(_sizes(pixels, side, config))
        report.progress(done, len(images), "encode pictures")
    return Pictures(latents=torch.cat(latents), sizes=torch.tensor(sizes, dtype=torch.float32))


class Captions:
    """The texts of a dataset; encoded once, unless the text encoders are being trained.

    Args:
        pipeline: For its text encoders.
        texts: Caption of each picture.
        trained: The text encoders' parameters that are being trained; none means that their
            outputs never change.
    """

    def __init__(self, pipeline: Any, texts: Sequence[str], *, trained: Sequence[Tensor]) -> None:
        self._pipeline = pipeline
        self._texts = [*texts, ""]  # the last one stands for a dropped caption
        self._cache = None if trained else self._encode_all()

    def conditioning(self, indices: Sequence[int], dropped: Sequence[bool]) -> TextConditioning:
        """The encoded captions of some pictures.

        Args:
            indices: Of the pictures.
            dropped: For each of them, whether it is shown without caption.
        """
        chosen = [
            len(self._texts) - 1 if drop else index
            for index, drop in zip(indices, dropped, strict=True)
        ]
        if self._cache is None:
            return encode_prompts(self._pipeline, [self._texts[index] for index in chosen])
        unique, rows = self._cache
        return unique.rows([rows[self._texts[index]] for index in chosen])

    @torch.no_grad()
    def _encode_all(self) -> tuple[TextConditioning, dict[str, int]]:
        unique = sorted(set(self._texts))
        parts = [
            encode_prompts(self._pipeline, unique[i : i + 16]) for i in range(0, len(unique), 16)
        ]
        encoded = TextConditioning(
            context=torch.cat([part.context for part in parts]),
            pooled=torch.cat([part.pooled for part in parts]),
        )
        return encoded, {text: row for row, text in enumerate(unique)}


def _sizes(pixels: Pixels, side: int, config: LoraConfig) -> tuple[int, ...]:
    if config.size_conditioning == "target":
        return size_ids((side, side), (0, 0), (side, side))
    return size_ids(pixels.original_size, pixels.crops_coords_top_left, (side, side))
