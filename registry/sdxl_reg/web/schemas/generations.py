"""Generations as documents: what was asked for, and the pictures that came of it."""

from datetime import datetime
from typing import Any

from pydantic import Field

from sdxl_reg.evaluation.view import CellState
from sdxl_reg.tables import GeneratedPicture, Generation, Run
from sdxl_reg.vocabulary import RunState
from sdxl_reg.web.schemas.base import Document, Sha256, url


class GeneratedItem(Document):
    """One picture of a generation, or the place where it is missing."""

    position: int
    state: CellState
    reason: str = Field(description="Why it could not be drawn; empty otherwise.")
    key: Sha256 = Field(description="Hash of everything that determines the pixels.")
    request: dict[str, Any] = Field(
        description="What was asked for, by the names of a picture's fields; defaults are left out."
    )
    sha256: Sha256 | None = Field(description="Of its PNG; null until it is drawn.")
    image: str | None = Field(description="Where the image is: an image like any other.")
    picture: str | None = Field(description="Where its PNG is.")
    thumbnail: str | None


class GenerationItem(Document):
    """A generation in a list."""

    id: int
    run: int
    state: RunState = Field(description="Of its run.")
    prompt: str = Field(description="Of its first picture.")
    total: int
    drawn: int
    failed: int
    created_at: datetime
    thumbnails: list[str] = Field(description="Of its first pictures.")
    url: str


class GenerationDocument(GenerationItem):
    """One generation with all its pictures."""

    error: str | None = Field(description="Why its run ended early.")
    is_waiting: bool = Field(description="Whether this server draws it now, or will.")
    pictures: list[GeneratedItem]
    lineage: str


_SHOWN = 4


def generation_item(generation: Generation, state: RunState) -> GenerationItem:
    """A generation for a list."""
    return GenerationItem(**_facts(generation, state))


def generation_document(
    generation: Generation, run: Run, *, is_waiting: bool
) -> GenerationDocument:
    """One generation with its pictures.

    Args:
        generation: Drawn or not.
        run: That makes it.
        is_waiting: Whether this server draws it now, or will.
    """
    return GenerationDocument(
        **_facts(generation, run.state),
        error=run.error,
        is_waiting=is_waiting,
        pictures=[_picture(picture) for picture in generation.pictures],
        lineage=url("lineage", f"generation:{generation.id}"),
    )


def _facts(generation: Generation, state: RunState) -> dict[str, Any]:
    pictures = generation.pictures
    drawn = [picture.image.blob.sha256 for picture in pictures if picture.image]
    return {
        "id": generation.id,
        "run": generation.run_id,
        "state": state,
        "prompt": pictures[0].picture.get("prompt", ""),
        "total": len(pictures),
        "drawn": len(drawn),
        "failed": sum(_state(picture) is CellState.FAILED for picture in pictures),
        "created_at": generation.created_at,
        "thumbnails": [url("images", digest, "thumbnail") for digest in drawn[:_SHOWN]],
        "url": url("generations", generation.id),
    }


def _picture(picture: GeneratedPicture) -> GeneratedItem:
    digest = picture.image.blob.sha256 if picture.image else None
    return GeneratedItem(
        position=picture.position,
        state=_state(picture),
        reason=picture.reason,
        key=picture.picture_key,
        request=picture.picture,
        sha256=digest,
        image=url("images", digest) if digest else None,
        picture=url("images", digest, "bytes") if digest else None,
        thumbnail=url("images", digest, "thumbnail") if digest else None,
    )


def _state(picture: GeneratedPicture) -> CellState:
    if picture.image_id is not None:
        return CellState.DRAWN
    return CellState.FAILED if picture.reason else CellState.MISSING
