"""What people ask to be compared, as a document; and what it would come to, before it is drawn."""

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError
from sqlalchemy.orm import Session

from sdxl_reg.catalog.access.visibility import present_viewer
from sdxl_reg.catalog.artifacts import find_artifact
from sdxl_reg.catalog.grid_axes import DEFAULT_SEEDS, GridRequest
from sdxl_reg.catalog.grid_outline import GridOutline
from sdxl_reg.catalog.grids import PlannedGrid
from sdxl_reg.catalog.references import parse_reference
from sdxl_reg.errors import RegistryError
from sdxl_reg.evaluation.axes import (
    MAX_VALUES,
    STRENGTH_LIMIT,
    Fields,
    distinct_strengths,
    parse_axis,
    select_versions,
    with_bases,
)
from sdxl_reg.evaluation.criteria import parse_gate, parse_weight
from sdxl_reg.evaluation.networks.names import SHIPPED, family_and_source, require_published
from sdxl_reg.jobs.pictures import LARGEST_SEED
from sdxl_reg.vocabulary import Role, RunState
from sdxl_reg.web.schemas.base import Document, url
from sdxl_reg.web.schemas.picture_requests import (
    PictureBody,
    picture_request,
    recorded_checkpoint,
)

MOST_AT_ONCE = 1000
_AXIS = "as FIELD=VALUES: `steps=10,20,40`, `sampler=Euler,DDIM`, `replace:spot=fold,crease`"

Strength = Annotated[float, Field(ge=-STRENGTH_LIMIT, le=STRENGTH_LIMIT)]
Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]


class GridBody(PictureBody):
    """What shall be compared. What is left out is at its default, as for `sdxl-reg grid`.

    Files of the server are not read: bases and refiners are recorded ones, pictures to start from
    are named by their SHA-256, networks by the name that the hub has them under.
    """

    artifact: str = Field(
        min_length=1, description="Whose versions: `weipin-lora`, or one of them: `weipin-lora@3`."
    )
    versions: str = Field(
        default="",
        description="`1,3,5` or `1:5`, `all`, `latest-5`, `every 2`; by default those of the "
        "newest run.",
    )
    strengths: list[Strength] = Field(
        default=[],
        max_length=MAX_VALUES,
        description="Of the versions; by default 0 to 1 in tenths.",
    )
    prompts: list[str] = Field(
        default=[],
        max_length=MAX_VALUES,
        description="What is drawn; by default captions of what the versions were trained on.",
    )
    seeds: list[Seed] = Field(
        default=list(DEFAULT_SEEDS),
        min_length=1,
        max_length=MAX_VALUES,
        description="Of the noise; every prompt is drawn from each.",
    )
    x: str = Field(default="", description=f"Columns, {_AXIS}; by default the strengths.")
    y: str = Field(default="", description="Rows, likewise; by default the versions.")
    z: str = Field(default="", description="Pages, likewise; by default a single one.")
    batch_size: int | None = Field(
        default=None,
        ge=1,
        le=MOST_AT_ONCE,
        description="Pictures drawn at once; by default what fits.",
    )
    weights: list[str] = Field(
        default=[],
        max_length=100,
        description="What the pick goes by: `fidelity=1`, `kid=-5`; by default fidelity alone.",
    )
    gates: list[str] | None = Field(
        default=None,
        max_length=100,
        description="What its pictures must be: `memorisation<=0.8`; by default sound.",
    )
    image_network: str = Field(
        default=SHIPPED, description="What compares pictures: `dinov2:facebook/dinov2-base`, …"
    )
    text_network: str = Field(
        default="", description="What compares pictures with words, `clip:…`; by default nothing."
    )

    @field_validator("versions")
    @classmethod
    def _are_versions(cls, text: str) -> str:
        return _told(text, lambda said: select_versions(said, [1])) if text else text

    @field_validator("x", "y", "z")
    @classmethod
    def _is_an_axis(cls, text: str) -> str:
        return _told(text, lambda said: parse_axis(said, Fields(versions=[1]))) if text else text

    @field_validator("weights")
    @classmethod
    def _are_weights(cls, texts: list[str]) -> list[str]:
        return [_told(text, parse_weight) for text in texts]

    @field_validator("gates")
    @classmethod
    def _are_gates(cls, texts: list[str] | None) -> list[str] | None:
        return texts if texts is None else [_told(text, parse_gate) for text in texts]

    @field_validator("image_network", "text_network")
    @classmethod
    def _is_a_network(cls, name: str) -> str:
        return _told(name, family_and_source) if name else name


class GridPlan(Document):
    """What a grid comes to."""

    artifact: str
    compares: str = Field(description="Its axes in words: `5 versions x 11 strengths`.")
    versions: list[str] = Field(description="Those that are compared: `weipin-lora@3`.")
    prompts: list[str] = Field(description="What is drawn.")
    datasets: list[str] = Field(
        description="Where prompts and references come from; without any there is nothing to "
        "compare with, and no pick."
    )
    cells: int = Field(description="All places of the grid.")
    to_draw: int = Field(description="Pictures that are to be drawn; the others exist already.")
    seconds: float | None = Field(
        description="What that takes, by what was drawn here before; null where nothing was."
    )
    size_bytes: int = Field(description="What that takes on disk.")


class GridBegun(GridPlan):
    """A grid that was begun, and where it is followed."""

    id: int
    run: int = Field(description="The run that draws it, by whose number it is ended and resumed.")
    state: RunState = Field(description="Of its run.")
    is_resumed: bool = Field(
        description="Whether it is the very same grid as one that was begun before."
    )
    url: str
    progress: str = Field(description="Where it is asked how far it is.")
    events: str = Field(description="Where it is told what happens, as it happens.")


def grid_request(session: Session, body: GridBody) -> GridRequest:
    """What a body asks for, as the catalog takes it.

    Args:
        session: Knows what is recorded.
        body: Valid.

    Raises:
        NotFound: An artifact, a base, a picture or a network is not recorded, or not seen.
        NotAllowed: The viewer is no trainer in the project of the artifact.
        InvalidValue: A network is of no family that we know.
    """
    artifact = find_artifact(session, parse_reference(body.artifact).name)
    if (viewer := present_viewer()) is not None:
        viewer.require(Role.TRAINER, artifact.project)
    x, y, z = (
        with_bases(text, lambda word: recorded_checkpoint(session, word)) if text else ""
        for text in (body.x, body.y, body.z)
    )
    return GridRequest(
        artifact=body.artifact,
        versions=body.versions,
        strengths=distinct_strengths(body.strengths),
        prompts=body.prompts,
        seeds=body.seeds,
        x=x,
        y=y,
        z=z,
        picture=picture_request(session, body),
        batch_size=body.batch_size,
        weights=body.weights,
        gates=body.gates,
        image_network=require_published(body.image_network),
        text_network=require_published(body.text_network) if body.text_network else "",
    )


def grid_plan(found: GridOutline) -> GridPlan:
    """What a grid would come to."""
    return GridPlan(**_outlined(found))


def grid_begun(planned: PlannedGrid, state: RunState) -> GridBegun:
    """A grid that was begun, or is gone on with.

    Args:
        planned: It.
        state: Of its run.
    """
    return GridBegun(
        **_outlined(planned),
        id=planned.grid_id,
        run=planned.run_id,
        state=state,
        is_resumed=planned.is_resumed,
        url=url("grids", planned.grid_id),
        progress=url("grids", planned.grid_id, "progress"),
        events=url("runs", planned.run_id, "events"),
    )


def _outlined(found: GridOutline | PlannedGrid) -> dict[str, Any]:
    return {
        "artifact": found.artifact,
        "compares": found.axes,
        "versions": found.versions,
        "prompts": found.prompts,
        "datasets": found.datasets,
        "cells": found.cell_count,
        "to_draw": found.missing_count,
        "seconds": found.estimate.seconds,
        "size_bytes": found.estimate.size_bytes,
    }


def _told(text: str, read: Callable[[str], object]) -> str:
    """A text that can be read; what is wrong with it is told beside its field."""
    try:
        read(text)
    except RegistryError as error:
        raise PydanticCustomError("unreadable", "{said}", {"said": str(error)}) from error
    return text
