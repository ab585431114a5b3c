"""What one picture is asked to be: every setting that determines its pixels, and the hash of them.

The same document stands in job files, in rows, in answers of the API and inside the picture itself.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sdxl_reg.vocabulary import Sampler, Schedule, Upscaler

KEY_SCHEMA = 2
"""Raised whenever the same settings would draw other pixels, so that no old one is reused."""
STRENGTH_DIGITS = 4
"""Decimals of a strength that count: 0.1 + 0.2 and 0.3 are one strength."""
LARGEST_SEED = 2**63 - 1
MAX_SIDE = 8192


class AdapterUse(BaseModel):
    """A version that takes part in a picture."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ref: str = Field(description="`weipin-lora@3`.")
    strength: float = Field(default=1.0, ge=-100, le=100, description="In the U-Net.")
    text_strength: float | None = Field(
        default=None, ge=-100, le=100, description="In the text encoders; by default the same."
    )

    @property
    def in_texts(self) -> float:
        """Its strength in the text encoders."""
        return self.strength if self.text_strength is None else self.text_strength

    @property
    def is_idle(self) -> bool:
        """Whether it changes nothing."""
        return self.strength == 0 and self.in_texts == 0


class PictureSpec(BaseModel):
    """One picture: how it is asked for. Names and defaults are those of diffusers and A1111."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base: str = Field(description="The checkpoint: `micro@1`.")
    prompt: str = Field(default="", description="Emphasis as A1111 writes it; no tags.")
    prompt_2: str = Field(default="", description="For the second encoder; empty: the same.")
    negative_prompt: str = Field(default="", description="Empty: as the base does by default.")
    negative_prompt_2: str = ""
    adapters: tuple[AdapterUse, ...] = Field(default=(), description="Applied in this order.")
    seed: int = Field(default=0, ge=0, le=LARGEST_SEED, description="Of the noise.")
    width: int = Field(ge=8, le=MAX_SIDE, multiple_of=8, description="Pixels.")
    height: int = Field(ge=8, le=MAX_SIDE, multiple_of=8, description="Pixels.")
    num_inference_steps: int = Field(default=20, ge=1, le=1000)
    guidance_scale: float = Field(default=5.0, ge=0, le=100, description="1 or less: no guidance.")
    guidance_rescale: float = Field(default=0.0, ge=0, le=1, description="arXiv:2305.08891.")
    sampler: Sampler = Sampler.EULER
    schedule: Schedule = Schedule.AUTOMATIC
    clip_skip: int = Field(default=2, ge=1, le=12, description="Layers from the end; SDXL's is 2.")
    tiling: bool = Field(default=False, description="Opposite edges continue each other.")
    vae: str = Field(default="", description="SHA-256 of another VAE; empty: the base's own.")
    init_image: str = Field(default="", description="SHA-256 of the picture to start from.")
    mask: str = Field(default="", description="SHA-256; white is drawn anew, black stays.")
    mask_blur: float = Field(default=4.0, ge=0, le=256, description="Pixels, as in A1111.")
    denoising_strength: float = Field(default=0.75, gt=0, le=1, description="With `init_image`.")
    hires_scale: float = Field(default=1.0, ge=1, le=4, description="1: no second pass.")
    hires_upscaler: Upscaler = Upscaler.LATENT
    hires_steps: int = Field(default=0, ge=0, le=1000, description="0: as in the first pass.")
    hires_denoising_strength: float = Field(default=0.7, gt=0, le=1)
    refiner: str = Field(default="", description="A checkpoint that ends the picture.")
    switch_at: float = Field(default=0.6, gt=0, le=1, description="Share of the base's steps.")

    @model_validator(mode="after")
    def _fits_together(self) -> "PictureSpec":
        if self.mask and not self.init_image:
            raise ValueError("a mask wants a picture to start from")
        if self.init_image and self.hires_scale > 1:
            raise ValueError("a second pass at another size is for pictures that start from noise")
        return self

    @property
    def is_guided(self) -> bool:
        """Whether the U-Net also sees what to lead away from."""
        return self.guidance_scale > 1

    @property
    def final_size(self) -> tuple[int, int]:
        """Width and height in pixels of the finished picture: multiples of 8."""
        width, height = (
            int(side * self.hires_scale) // 8 * 8 for side in (self.width, self.height)
        )
        return width, height

    def as_document(self) -> dict[str, Any]:
        """The picture as it is kept, as JSON: its size, and what is not at its default."""
        said = self.model_dump(mode="json", exclude_defaults=True)
        return {**said, "width": self.width, "height": self.height}

    def said(self) -> dict[str, Any]:
        """The fields that are not at their defaults, as JSON; without those that do not count."""
        without = {name for names, counts in self._groups() if not counts for name in names.split()}
        return self.model_dump(mode="json", exclude_defaults=True, exclude=without)

    def _groups(self) -> list[tuple[str, bool]]:
        """Fields that count only together with another one, and whether they do."""
        return [
            ("denoising_strength", bool(self.init_image)),
            ("mask_blur", bool(self.mask)),
            ("hires_upscaler hires_steps hires_denoising_strength", self.hires_scale > 1),
            ("switch_at", bool(self.refiner)),
            ("negative_prompt negative_prompt_2 guidance_rescale", self.is_guided),
        ]


def picture_key(picture: PictureSpec, digests: Mapping[str, str]) -> str:
    """SHA-256 of everything that determines a picture's pixels, up to the machine's arithmetic.

    Args:
        picture: What is asked for. An adapter at strength 0 does not count: the base is drawn.
        digests: Reference of every checkpoint and version → SHA-256 of its bytes.

    Returns:
        64 hexadecimal digits; the same for other names of the same bytes.
    """
    facts = picture.said() | {"schema": KEY_SCHEMA, "base": digests[picture.base]}
    facts["adapters"] = [
        [
            digests[use.ref],
            round(use.strength, STRENGTH_DIGITS),
            round(use.in_texts, STRENGTH_DIGITS),
        ]
        for use in picture.adapters
        if not use.is_idle
    ]
    if picture.refiner:
        facts["refiner"] = digests[picture.refiner]
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
