"""Reading the folders of a plan: their pictures with captions, and what else lies there."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sdxl_reg.catalog.ingest_plan import IngestPlan, PlannedFolder, PlannedPicture
from sdxl_reg.imaging.problems import Code, Problem, Stage
from sdxl_reg.imaging.scan import METADATA_NAME, Contents, Folder, contents_of, folder_problem
from sdxl_reg.imaging.sidecars import SidecarReader


@dataclass(frozen=True, kw_only=True)
class FolderReading:
    """What one folder holds.

    Attributes:
        pictures: With their captions, by name.
        captions: How many of them have a text beside them.
        skipped: Files that are passed over, each with its reason.
        warnings: What is worth knowing about captions and the layout.
        ignored: Junk → how many of it.
    """

    pictures: tuple[PlannedPicture, ...]
    captions: int
    skipped: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    ignored: Counter[str]


def read_folder(plan: IngestPlan, planned: PlannedFolder, reader: SidecarReader) -> FolderReading:
    """Read a folder of a set, file by file; captions are opened, pictures are not.

    Args:
        plan: The ingest.
        planned: The folder.
        reader: Reads captions for the whole ingest.
    """
    found = _contents(plan, planned.folder)
    sidecars = reader.read(found.pictures, found.captions)
    prefix = f"{planned.source_path}/" if planned.source_path else ""
    return FolderReading(
        pictures=tuple(
            PlannedPicture(
                file=picture,
                source_path=prefix + picture.name.rpartition("/")[2],
                tags=planned.tags,
                caption=sidecars.texts.get(picture.name, ""),
            )
            for picture in found.pictures
        ),
        captions=len(sidecars.texts),
        skipped=_sorted([*found.problems, *_orphans(found, sidecars.used)]),
        warnings=_sorted([*sidecars.problems, *_shallow(plan, planned, len(found.pictures))]),
        ignored=found.ignored,
    )


def read_other(plan: IngestPlan, folder: Folder, reason: str) -> FolderReading:
    """Read a folder of no set: its pictures are skipped with the reason.

    Args:
        plan: The ingest.
        folder: The folder.
        reason: Why it is in no set, as a sentence.
    """
    found = _contents(plan, folder)
    message = f"{reason}; move it, or ingest the folder with --as NAME"
    homeless = [
        Problem(path=picture.name, stage=Stage.SCAN, code=Code.NO_SET, message=message)
        for picture in found.pictures
    ]
    beside = {picture.name.rpartition(".")[0] for picture in found.pictures}
    used = frozenset(name for name in found.captions if name.rpartition(".")[0] in beside)
    return FolderReading(
        pictures=(),
        captions=0,
        skipped=_sorted([*found.problems, *homeless, *_orphans(found, used)]),
        warnings=(),
        ignored=found.ignored,
    )


def _contents(plan: IngestPlan, folder: Folder) -> Contents:
    """What a folder holds; where it went or was closed since the survey, that as its problem."""
    try:
        return (
            Contents()
            if folder.problem is not None
            else contents_of(plan.root, folder, plan.copied)
        )
    except OSError as error:
        return Contents(problems=[folder_problem(folder.name, error)])


def _shallow(plan: IngestPlan, planned: PlannedFolder, pictures: int) -> list[Problem]:
    """The warning that a level is missing which the user's layout asks for."""
    layout, depth = plan.layout, len(planned.tags)
    if not pictures or depth >= layout.required:
        return []
    message = f"Its {pictures} pictures have no {layout.level(depth)}; they are taken without"
    return [
        Problem(
            path=planned.folder.name, stage=Stage.SCAN, code=Code.LEVEL_MISSING, message=message
        )
    ]


def _orphans(found: Contents, used: frozenset[str]) -> list[Problem]:
    return [
        Problem(
            path=name,
            stage=Stage.CAPTION,
            code=Code.CAPTION_WITHOUT_PICTURE,
            message="No picture of that name lies beside it",
        )
        for name in found.captions
        if name not in used and name.rpartition("/")[2] != METADATA_NAME
    ]


def _sorted(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(problems, key=lambda problem: (problem.path, problem.code)))
