"""Folders of pictures that are sent, as documents."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy.orm import Session

from sdxl_reg.catalog.sent_folders.announcing import AnnouncedFile, totals_of
from sdxl_reg.catalog.sent_folders.paths import LONGEST_PATH_BYTES
from sdxl_reg.catalog.sent_folders.planning import SentPlan
from sdxl_reg.imaging.decode import Limits
from sdxl_reg.imaging.problems import as_document
from sdxl_reg.tables import Ingest
from sdxl_reg.vocabulary import IngestState
from sdxl_reg.web.schemas.base import Document, ProjectName, Sha256, url

FILES_A_REQUEST = 5_000
_PathText = Annotated[str, Field(min_length=1, max_length=LONGEST_PATH_BYTES)]
_MAX_PIXELS = Limits().max_pixels


class IngestBody(Document):
    """A folder that is going to be sent, and how it is to be read: see `sdxl-reg ingest`."""

    folder: str = Field(
        min_length=1, max_length=255, description="Its name, without a path: `products`."
    )
    place: str = Field(
        default="",
        max_length=2000,
        pattern=r"^[^\x00-\x1f]*$",
        description="Machine and path, by which the folder is known again: "
        "`laptop/alice/products`. By default its name.",
    )
    project: ProjectName | None = Field(
        default=None,
        description="Of new image sets; `main`, or the only one where you may write.",
    )
    as_name: str | None = Field(
        default=None, min_length=1, max_length=200, description="The folder is one image set: this."
    )
    layout: str | None = Field(
        default=None,
        min_length=1,
        max_length=1000,
        description="Names of the folder levels: `set/brand/state`.",
    )
    caption: str | None = Field(
        default=None,
        max_length=10_000,
        description="Template for pictures without a caption beside them; as before by default.",
    )
    rehash: bool = Field(default=False, description="Judge also pictures that are as they were.")
    max_pixels: int = Field(
        default=_MAX_PIXELS, ge=1, le=_MAX_PIXELS, description="Larger pictures are refused."
    )


class IngestFileBody(Document):
    """A file of the folder."""

    path: _PathText = Field(description="Relative to the folder, with /.")
    size_bytes: int = Field(ge=0, le=(1 << 53) - 1)
    sha256: Sha256 | None = Field(
        default=None, description="Without it, the file has to be sent in any case."
    )


class IngestFilesBody(Document):
    """Some files of the folder. All of them have to be announced, for what is not is gone."""

    files: list[IngestFileBody] = Field(max_length=FILES_A_REQUEST)
    closed: dict[_PathText, Annotated[str, Field(max_length=500)]] = Field(
        default={},
        max_length=FILES_A_REQUEST,
        description="Folders that could not be listed, and why; what is recorded of them stays.",
    )
    unread: list[_PathText] = Field(
        default=[],
        max_length=FILES_A_REQUEST,
        description="Files that are there and could not be read; what is recorded of them stays.",
    )


class MissingFiles(Document):
    """What has to be sent."""

    missing: list[str] = Field(description="Paths; of files with the same bytes only one.")


class CommitBody(Document):
    """That all was announced and sent."""

    files: int = Field(ge=0, le=(1 << 53) - 1, description="How many files were announced.")


class IngestProblem(Document):
    """Something to tell about one file."""

    path: str
    stage: str = Field(description="`scan`, `read`, `decode`, `caption` or `record`.")
    code: str = Field(description="What it is, for programs: `truncated`, `duplicate`, …")
    message: str


class PlannedSetDocument(Document):
    """What becomes of one image set."""

    name: str
    is_new: bool
    pictures: int
    tags: dict[str, int] = Field(description="Folders below the set → pictures right in them.")
    new: int
    changed: int
    unchanged: int
    gone: int = Field(description="Members at whose path no picture lies any more.")


class PlanDocument(Document):
    """What an ingest is going to do."""

    layout: str = Field(description="What was decided about the folders, as a sentence.")
    levels: list[str]
    sets: list[PlannedSetDocument]
    problems: list[IngestProblem]
    files: int
    missing: int = Field(description="Files that have to be sent still.")
    missing_bytes: int


class IngestedSetDocument(Document):
    """An image set after an ingest."""

    name: str
    images: int
    members: int
    missing: int


class ReportDocument(Document):
    """What was found and done, the very document that `sdxl-reg ingest --json` prints."""

    image_sets: list[IngestedSetDocument]
    seen: int = Field(description="The sum of new, unchanged, duplicates, skipped and failed.")
    new: int
    unchanged: int
    duplicates: int
    skipped: int
    failed: int
    moved: int
    missing: int
    captions: int
    ignored: dict[str, int]
    layout: str
    problems: list[IngestProblem] = Field(description="One for each file skipped or failed.")
    warnings: list[IngestProblem]


class IngestError(Document):
    """Why an ingest failed."""

    code: str
    text: str
    facts: dict[str, Any]


class IngestProgress(Document):
    """How far it is."""

    done: int
    total: int
    what: str


class IngestDocument(Document):
    """A folder that is being sent, or was."""

    key: str
    folder: str
    project: str
    state: IngestState = Field(
        description="`open` while files are sent, `queued` and `working` once it was asked for, "
        "then `done` with its report, or `failed` with its error. `lost`: who was at it is gone; "
        "ask for it again."
    )
    files: int = Field(description="That are announced; once it is done, that are kept.")
    missing: int = Field(description="That have to be sent still.")
    missing_bytes: int
    progress: IngestProgress
    report: ReportDocument | None
    error: IngestError | None
    created_at: datetime
    url: str


class IngestList(Document):
    """Ingests of who asks."""

    items: list[IngestDocument]


def announced_files(body: IngestFilesBody) -> list[AnnouncedFile]:
    """The files of a request, as the catalog takes them."""
    return [
        AnnouncedFile(path=file.path, size_bytes=file.size_bytes, sha256=file.sha256)
        for file in body.files
    ]


def ingest_document(session: Session, ingest: Ingest, state: IngestState) -> IngestDocument:
    """An ingest as it stands.

    Args:
        session: Knows its files.
        ingest: It.
        state: How it stands, as far as this server knows.
    """
    files, missing, missing_bytes = totals_of(session, ingest)
    return IngestDocument(
        key=ingest.key,
        folder=ingest.folder,
        project=ingest.project,
        state=state,
        files=files,
        missing=missing,
        missing_bytes=missing_bytes,
        progress=IngestProgress(done=ingest.done, total=ingest.total, what=ingest.doing),
        report=ReportDocument.model_validate(ingest.report) if ingest.report else None,
        error=IngestError.model_validate(ingest.error) if ingest.error else None,
        created_at=ingest.created_at,
        url=url("ingests", ingest.key),
    )


def plan_document(plan: SentPlan) -> PlanDocument:
    """A plan as a document."""
    return PlanDocument(
        layout=plan.layout,
        levels=list(plan.levels),
        sets=[
            PlannedSetDocument(
                name=one.name,
                is_new=one.is_new,
                pictures=one.pictures,
                tags=dict(one.tags),
                new=one.new,
                changed=one.changed,
                unchanged=one.unchanged,
                gone=one.gone,
            )
            for one in plan.sets
        ],
        problems=[IngestProblem(**as_document(problem)) for problem in plan.problems],
        files=plan.files,
        missing=plan.missing,
        missing_bytes=plan.missing_bytes,
    )
