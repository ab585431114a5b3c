"""What people ask to be drawn, as a document: prompts, how many, and settings of pictures."""

import secrets

from pydantic import Field, model_validator
from sqlalchemy.orm import Session

from sdxl_reg.catalog.generations import MOST_PICTURES, GenerationRequest
from sdxl_reg.jobs.pictures import LARGEST_SEED
from sdxl_reg.web.schemas.base import ProjectName
from sdxl_reg.web.schemas.picture_requests import PictureBody, picture_request

SEED_BITS = 32


class GenerationBody(PictureBody):
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
    return GenerationRequest(
        prompts=[body.prompt] if body.prompt is not None else (body.prompts or []),
        seeds=[first + number for number in range(body.count)],
        picture=picture_request(session, body),
        batch_size=body.batch_size,
        project=project,
    )
