"""What a job file says: everything its process needs, and nothing of the database.

A job is a folder: `job.json` goes in, `events.jsonl` and `files/` come out, `work/` holds caches
and state between attempts.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from sdxl_reg.jobs.pictures import PictureSpec
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
    file_sha256: str = Field(default="", description="For a single file, of its bytes.")


class ImageSpec(Document):
    """One picture of the dataset, or one reference of a grid."""

    path: Path
    sha256: str
    caption: str
    tags: str
    repeats: int = 1
    name: str = Field(default="", description="Its path in the image set.")
    mask_path: Path | None = Field(default=None, description="Where the loss counts.")
    mask_sha256: str = ""
    crop: tuple[float, float, float, float] | None = Field(
        default=None, description="The part that is trained, in fractions; see `imaging.crops`."
    )


class VersionSpec(Document):
    """An artifact version to draw with."""

    ref: str
    name: str = Field(description="Stem of its file, as programs that load it spell it.")
    trainer: str = Field(description="The plugin that applies it.")
    path: Path
    sha256: str


class CellSpec(Document):
    """A picture to be drawn or, with a path, drawn before and only to be scored."""

    key: str = Field(description="Hash of everything that determines the pixels.")
    picture: PictureSpec
    path: Path | None = Field(default=None, description="Where its file lies already.")


class TrainSpec(Document):
    """Train an artifact."""

    kind: Literal["train"] = "train"
    run: int
    run_key: str = Field(description="SHA-256 of everything that determines the files.")
    trainer: str
    config: dict[str, Any]
    base: BaseSpec
    images: list[ImageSpec]
    validation_images: list[ImageSpec] = Field(default=[], description="Held out by the dataset.")
    class_images: list[ImageSpec] = Field(default=[], description="For prior preservation.")
    dataset_ref: str
    dataset_sha256: str
    output_name: str
    start_path: Path | None = Field(default=None, description="Weights to start from.")
    cache_path: Path = Field(description="Folder for what can be computed again, for all runs.")


class DrawSpec(Document):
    """Draw pictures, and score them where there is something to compare with."""

    kind: Literal["draw"] = "draw"
    run: int
    bases: dict[str, BaseSpec] = Field(description="By reference; refiners among them.")
    versions: dict[str, VersionSpec] = Field(description="By reference.")
    images: dict[str, Path] = Field(default={}, description="By SHA-256: inputs and VAEs.")
    cells: list[CellSpec] = Field(description="Each key stands once.")
    references: list[ImageSpec] = Field(default=[], description="What the scores compare with.")
    is_scored: bool = Field(default=False, description="Whether every picture gets its scores.")
    image_network: str = Field(default="efficientnet-lite0", description="Compares pictures.")
    text_network: str = Field(default="", description="Compares pictures with words; empty: none.")
    cache_path: Path | None = Field(default=None, description="Folder for what can be recomputed.")
    batch_size: int = Field(ge=1, description="Pictures drawn at once; 1 is the reference.")
    script: dict[str, str] = Field(default={}, description="More pairs for A1111's text.")


class DownstreamSpec(Document):
    """Train small classifiers on real and on synthetic pictures, and compare them on real ones."""

    kind: Literal["downstream"] = "downstream"
    run: int
    real: list[ImageSpec]
    synthetic: list[ImageSpec]
    level: int = Field(ge=0, description="Which tag is the class; 0 is the first level.")
    held_out: float = Field(gt=0, lt=1, description="Share of the real pictures to test on.")
    ratios: list[float] = Field(description="Synthetic pictures for each real one, in the mixes.")
    seeds: list[int] = Field(min_length=1, description="Of the splits, one each.")
    image_network: str = Field(description="Its features are what the classifiers see.")
    cache_path: Path | None = Field(default=None, description="Folder for what can be recomputed.")


class CaptionSpec(Document):
    """Have a model caption pictures."""

    kind: Literal["caption"] = "caption"
    captioner: str = Field(description="The plugin.")
    weights_path: Path = Field(description="Folder of its weights.")
    settings: dict[str, Any]
    device: str = Field(default="auto", description="cpu, cuda, …; auto: a GPU if there is one.")
    batch_size: int = Field(default=8, ge=1, description="Pictures looked at together.")
    background: str = Field(default="#ffffff", description="Behind transparency.")
    images: dict[str, Path] = Field(description="By SHA-256.")


AnyJob = TrainSpec | DrawSpec | DownstreamSpec | CaptionSpec
JobSpec = Annotated[AnyJob, Field(discriminator="kind")]
_JOB: TypeAdapter[AnyJob] = TypeAdapter(JobSpec)


def read_job(path: Path) -> AnyJob:
    """The job a file describes."""
    return _JOB.validate_json(path.read_bytes())


def write_job(job: AnyJob, path: Path) -> None:
    """Write a job file; it appears whole or not at all."""
    temporary = path.with_suffix(".part")
    temporary.write_bytes(_JOB.dump_json(job, indent=2))
    temporary.rename(path)
