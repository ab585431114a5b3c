"""What a job file says: everything its process needs, and nothing of the database.

A job is a folder: `job.json` goes in, `events.jsonl` and `files/` come out, `work/` holds caches
and state between attempts.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from sdxl_reg.vocabulary import BaseFormat


class Document(BaseModel):
    """What the parts of a job file share: they are frozen and closed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class BaseSpec(Document):
    """The base checkpoint, laid out on disk; see `trainers.interface.BaseModel`."""

    ref: str
    path: Path
    format: BaseFormat
    config_path: Path | None = None
    sha256: str


class ImageSpec(Document):
    """One picture of the dataset, or one reference of a grid."""

    path: Path
    sha256: str
    caption: str
    tags: str
    repeats: int = 1


class VersionSpec(Document):
    """An artifact version to draw with."""

    ref: str
    trainer: str
    path: Path
    sha256: str


class SamplingSpec(Document):
    """How pictures are drawn; the same names as in diffusers."""

    width: int = Field(ge=8, multiple_of=8)
    height: int = Field(ge=8, multiple_of=8)
    num_inference_steps: int = Field(default=20, ge=1, le=1000)
    guidance_scale: float = Field(default=5.0, ge=0, le=100)
    negative_prompt: str = ""
    sampler: str = "Euler"


class CellSpec(Document):
    """One picture of a grid that is not there yet."""

    key: str
    version: int = Field(ge=0, description="Index into the grid's versions.")
    strength: float
    prompt: str
    seed: int


class TrainSpec(Document):
    """Train an artifact."""

    kind: Literal["train"] = "train"
    run: int
    trainer: str
    config: dict[str, Any]
    base: BaseSpec
    images: list[ImageSpec]
    dataset_ref: str
    dataset_sha256: str
    output_name: str


class FinishedCellSpec(Document):
    """A picture of a grid that was made before, to be scored and shown with the others."""

    key: str
    path: Path


class GridSpec(Document):
    """Render the missing cells of a grid and score every cell."""

    kind: Literal["grid"] = "grid"
    run: int
    base: BaseSpec
    versions: list[VersionSpec]
    sampling: SamplingSpec
    cells: list[CellSpec]
    finished: list[FinishedCellSpec] = []
    references: list[ImageSpec] = []
    batch_size: int = Field(default=11, ge=1)


JobSpec = Annotated[TrainSpec | GridSpec, Field(discriminator="kind")]
_JOB: TypeAdapter[TrainSpec | GridSpec] = TypeAdapter(JobSpec)


def read_job(path: Path) -> TrainSpec | GridSpec:
    """The job a file describes."""
    return _JOB.validate_json(path.read_bytes())


def write_job(job: TrainSpec | GridSpec, path: Path) -> None:
    """Write a job file; it appears whole or not at all."""
    temporary = path.with_suffix(".part")
    temporary.write_bytes(_JOB.dump_json(job, indent=2))
    temporary.rename(path)
