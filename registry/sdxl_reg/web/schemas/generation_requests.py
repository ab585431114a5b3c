"""What people ask to be drawn, as a document: prompts, how many, and settings of pictures."""

import secrets
from typing import Annotated, Any

from pydantic import Field, model_validator
from sqlalchemy.orm import Session

from sdxl_reg.catalog.artifacts import find_version, version_ref
from sdxl_reg.catalog.bases import MICRO
from sdxl_reg.catalog.generations import MOST_PICTURES, GenerationRequest
from sdxl_reg.catalog.picture_requests import PictureRequest, recorded_picture
from sdxl_reg.catalog.references import parse_reference
from sdxl_reg.jobs.pictures import LARGEST_SEED, MAX_SIDE
from sdxl_reg.vocabulary import Upscaler
from sdxl_reg.web.schemas.base import Document, ProjectName

SEED_BITS = 32
_OF_REQUEST = {"prompts", "prompt", "count", "seed", "batch_size", "project"}
_NAMES = {"base", "refiner", "init_image", "mask"}

Side = Annotated[int, Field(ge=8, le=MAX_SIDE, multiple_of=8)]
PictureDigest = Annotated[str, Field(pattern="^[0-9a-f]{8,64}$")]


class GenerationBody(Document):
    """What shall be drawn. What is left out is at its default, as for `sdxl-reg generate`.

    Files of the server are not read: bases and refiners are recorded ones, pictures to start from
    are named by their SHA-256.
    """

    prompt: str | None = Field(
        default=None,
        description="With emphasis as A1111 writes it, and tags: `<lora:weipin-lora@3:0.8>`.",
    )
    prompts: list[str] | None = Field(
        default=None, min_length=1, max_length=MOST_PICTURES, description="Instead of `prompt`."
    )
    count: int = Field(default=1, ge=1, le=MOST_PICTURES, description="Pictures of each prompt.")
    seed: int | None = Field(
        default=None,
        ge=0,
        le=LARGEST_SEED - MOST_PICTURES,
        description="Of the first picture of each prompt; the next ones count on. By default any.",
    )
    batch_size: int | None = Field(
        default=None, ge=1, le=MOST_PICTURES, description="Pictures drawn at once."
    )
    project: ProjectName | None = Field(
        default=None, description="Whose they are; by default `main`, or the only one possible."
    )
    base: str | None = Field(
        default=None, description="A recorded checkpoint; by default what the adapters have."
    )
    refiner: str | None = Field(default=None, description="A recorded checkpoint.")
    init_image: PictureDigest | None = None
    mask: PictureDigest | None = None
    prompt_2: str | None = None
    negative_prompt: str | None = None
    negative_prompt_2: str | None = None
    width: Side | None = None
    height: Side | None = None
    num_inference_steps: int | None = Field(default=None, ge=1, le=1000)
    guidance_scale: float | None = Field(default=None, ge=0, le=100)
    guidance_rescale: float | None = Field(default=None, ge=0, le=1)
    sampler: str | None = Field(default=None, description="`Euler a`, `DPM++ 2M Karras`, …")
    schedule: str | None = Field(default=None, description="`Karras`, `Exponential`, …")
    clip_skip: int | None = Field(default=None, ge=1, le=12)
    tiling: bool | None = None
    mask_blur: float | None = Field(default=None, ge=0, le=256)
    denoising_strength: float | None = Field(default=None, gt=0, le=1)
    hires_scale: float | None = Field(default=None, ge=1, le=4)
    hires_upscaler: Upscaler | None = None
    hires_steps: int | None = Field(default=None, ge=0, le=1000)
    hires_denoising_strength: float | None = Field(default=None, gt=0, le=1)
    switch_at: float | None = Field(default=None, gt=0, le=1)

    @model_validator(mode="after")
    def _has_prompts(self) -> "GenerationBody":
        if (self.prompt is None) == (self.prompts is None):
            raise ValueError('give "prompt", or "prompts" with several')
        return self


def request_of(session: Session, body: GenerationBody, project: str) -> GenerationRequest:
    """What a body asks for, as the catalog takes it.

    Args:
        session: Knows the bases.
        body: Valid.
        project: Whose the pictures will be.

    Raises:
        NotFound: A base, a refiner or a picture is not recorded.
    """
    first = secrets.randbits(SEED_BITS) if body.seed is None else body.seed
    said: dict[str, Any] = body.model_dump(exclude_none=True, exclude=_OF_REQUEST | _NAMES)
    return GenerationRequest(
        prompts=[body.prompt] if body.prompt is not None else (body.prompts or []),
        seeds=[first + number for number in range(body.count)],
        picture=PictureRequest(
            base=_recorded(session, body.base),
            refiner=_recorded(session, body.refiner),
            init_image=_picture(session, body.init_image),
            mask=_picture(session, body.mask),
            settings=said,
        ),
        batch_size=body.batch_size,
        project=project,
    )


def _picture(session: Session, said: str | None) -> str:
    """The whole digest of a recorded picture, so that it cannot be a path on this machine."""
    return recorded_picture(session, said) if said else ""


def _recorded(session: Session, said: str | None) -> str:
    """A reference of a recorded version, so that it cannot be a path on this machine."""
    if not said:
        return ""
    if parse_reference(said).name == MICRO:
        return said
    return version_ref(find_version(session, said))
