"""What a request asks of pictures, of whatever it asks for them: a base and the settings of each.

A body has the fields of `PictureSpec` within the same limits; what is left out is at its default.
"""

from typing import Annotated, Any

from pydantic import Field
from sqlalchemy.orm import Session

from sdxl_reg.catalog.artifacts import find_version, version_ref
from sdxl_reg.catalog.bases import MICRO
from sdxl_reg.catalog.picture_requests import PictureRequest, recorded_picture
from sdxl_reg.catalog.references import parse_reference
from sdxl_reg.jobs.pictures import MAX_SIDE
from sdxl_reg.vocabulary import Upscaler
from sdxl_reg.web.schemas.base import Document

_NAMES = {"base", "refiner", "init_image", "mask"}

Side = Annotated[int, Field(ge=8, le=MAX_SIDE, multiple_of=8)]
PictureDigest = Annotated[str, Field(pattern="^[0-9a-f]{8,64}$")]


class PictureBody(Document):
    """How pictures shall be drawn.

    Files of the server are not read: bases and refiners are recorded ones, pictures to start from
    are named by their SHA-256.
    """

    base: str | None = Field(
        default=None, description="A recorded checkpoint; by default what the adapters have."
    )
    refiner: str | None = Field(
        default=None, description="A recorded checkpoint that ends the pictures; by default none."
    )
    init_image: PictureDigest | None = Field(
        default=None, description="SHA-256 of a recorded picture to start from."
    )
    mask: PictureDigest | None = Field(
        default=None, description="Likewise; white is drawn anew, black stays."
    )
    prompt_2: str | None = Field(
        default=None, description="For the second text encoder; by default the prompt."
    )
    negative_prompt: str | None = Field(default=None, description="What to lead away from.")
    negative_prompt_2: str | None = Field(
        default=None, description="The same for the second text encoder."
    )
    width: Side | None = Field(default=None, description="Pixels; by default the base's own.")
    height: Side | None = Field(default=None, description="Pixels; by default the base's own.")
    num_inference_steps: int | None = Field(
        default=None, ge=1, le=1000, description="Of the sampler; by default 20."
    )
    guidance_scale: float | None = Field(
        default=None, ge=0, le=100, description="1 or less: no guidance; by default 5."
    )
    guidance_rescale: float | None = Field(
        default=None, ge=0, le=1, description="For v-prediction; by default 0."
    )
    sampler: str | None = Field(
        default=None, description="`Euler a`, `DPM++ 2M Karras`, …; by default `Euler`."
    )
    schedule: str | None = Field(
        default=None, description="`Karras`, `Exponential`, …; by default `Automatic`."
    )
    clip_skip: int | None = Field(
        default=None, ge=1, le=12, description="Layer of the encoders from the end; by default 2."
    )
    tiling: bool | None = Field(default=None, description="Opposite edges continue each other.")
    mask_blur: float | None = Field(default=None, ge=0, le=256, description="Pixels; by default 4.")
    denoising_strength: float | None = Field(
        default=None, gt=0, le=1, description="How far from `init_image`; by default 0.75."
    )
    hires_scale: float | None = Field(
        default=None, ge=1, le=4, description="Draw again, so many times as large; by default 1."
    )
    hires_upscaler: Upscaler | None = Field(default=None, description="By default `Latent`.")
    hires_steps: int | None = Field(
        default=None, ge=0, le=1000, description="Of the second pass; 0: as in the first."
    )
    hires_denoising_strength: float | None = Field(
        default=None, gt=0, le=1, description="Of the second pass; by default 0.7."
    )
    switch_at: float | None = Field(
        default=None, gt=0, le=1, description="Share of steps before the refiner; by default 0.6."
    )


def picture_request(session: Session, body: PictureBody) -> PictureRequest:
    """How the pictures of a body are drawn, as the catalog takes it.

    Args:
        session: Knows the bases and the pictures.
        body: Valid.

    Raises:
        NotFound: A base, a refiner or a picture is not recorded.
    """
    settings: dict[str, Any] = body.model_dump(
        exclude_none=True, include=set(PictureBody.model_fields) - _NAMES
    )
    return PictureRequest(
        base=recorded_checkpoint(session, body.base),
        refiner=recorded_checkpoint(session, body.refiner),
        init_image=_picture(session, body.init_image),
        mask=_picture(session, body.mask),
        settings=settings,
    )


def recorded_checkpoint(session: Session, said: str | None) -> str:
    """A reference of a recorded version, so that it cannot be a path on this machine.

    Raises:
        NotFound: There is none.
    """
    if not said:
        return ""
    if parse_reference(said).name == MICRO:
        return said
    return version_ref(find_version(session, said))


def _picture(session: Session, said: str | None) -> str:
    """The whole digest of a recorded picture, so that it cannot be a path on this machine."""
    return recorded_picture(session, said) if said else ""
