"""What an ingest reports: its counts, the sets after it, and what is odd in them."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine

from sdxl_reg.catalog.images import find_image_set, summary_of
from sdxl_reg.catalog.ingest_plan import IngestPlan, PlannedSet
from sdxl_reg.catalog.likeness import LabelConflict, conflicts
from sdxl_reg.catalog.tags import near_tags, tag_tree
from sdxl_reg.errors import NotFound
from sdxl_reg.imaging.problems import Code, Problem, Stage, as_document
from sdxl_reg.store.database import reading

_CONFLICTS = 20  # groups of near pictures under other tags that are told one by one


@dataclass(frozen=True, kw_only=True)
class IngestedSet:
    """An image set after an ingest.

    Attributes:
        name: Its name.
        images: Different pictures among its present members.
        members: Present members.
        missing: Members whose file is not there any more.
    """

    name: str
    images: int
    members: int
    missing: int


@dataclass(frozen=True, kw_only=True)
class IngestReport:
    """What an ingest found and did; `seen` is the sum of the five counts that follow it.

    Attributes:
        layout: What was decided about the folders, as a sentence.
        image_sets: The sets, by name, as they are now.
        seen: Files that are no junk and no caption of a picture.
        new: Pictures that the registry did not have.
        unchanged: Members that are as they were, moved ones included.
        duplicates: New members whose picture the registry had already.
        skipped: Files that are no pictures to be taken.
        failed: Files that claim to be pictures and could not be taken.
        moved: Members recognised under another path.
        missing: Members whose file vanished since the last ingest.
        captions: Pictures with a text beside them.
        ignored: Junk → how many of it.
        problems: One for every skipped and failed file.
        warnings: What is worth knowing about what was taken.
    """

    layout: str
    image_sets: tuple[IngestedSet, ...]
    seen: int
    new: int
    unchanged: int
    duplicates: int
    skipped: int
    failed: int
    moved: int
    missing: int
    captions: int
    ignored: dict[str, int]
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


def report_document(report: IngestReport) -> dict[str, Any]:
    """A report as JSON, as `sdxl-reg ingest --json` and the API tell it."""
    counts = ("seen", "new", "unchanged", "duplicates", "skipped", "failed", "moved", "missing")
    return {
        "image_sets": [
            {"name": s.name, "images": s.images, "members": s.members, "missing": s.missing}
            for s in report.image_sets
        ],
        **{name: getattr(report, name) for name in counts},
        "captions": report.captions,
        "ignored": report.ignored,
        "layout": report.layout,
        "problems": [as_document(problem) for problem in report.problems],
        "warnings": [as_document(problem) for problem in report.warnings],
    }


def outcome(
    engine: Engine, plan: IngestPlan, changed: AbstractSet[str]
) -> tuple[tuple[IngestedSet, ...], list[Problem]]:
    """The sets as they are now, and notes on slips in tags and on tags that contradict.

    Args:
        engine: The database.
        plan: What was to be done.
        changed: Names of the sets that got pictures.
    """
    sets, notes = [], []
    with reading(engine) as session:
        for planned in plan.sets:
            try:
                image_set = find_image_set(session, planned.name)
            except NotFound:  # not one of its pictures could be taken
                continue
            now = summary_of(session, image_set)
            sets.append(
                IngestedSet(
                    name=image_set.name,
                    images=now.images,
                    members=now.members,
                    missing=now.missing,
                )
            )
            for slip, likely in near_tags(tag_tree(session, image_set)):
                notes.append(_slip_note(planned, slip.path, slip.level, likely.name))
            if planned.name in changed:
                notes += _near_conflicts(planned, conflicts(session, image_set))
    return tuple(sets), notes


def _near_conflicts(planned: PlannedSet, found: Sequence[LabelConflict]) -> list[Problem]:
    """Notes on nearly the same pictures under other tags; the same ones were told as they came."""
    near = [conflict for conflict in found if not conflict.is_same_picture]
    notes = [
        Problem(
            path=f"{planned.name}: {conflict.cluster.keep.source_path}",
            stage=Stage.RECORD,
            code=Code.NEAR_CONFLICT,
            message=f"{len(conflict.cluster.members)} pictures that are nearly the same are "
            f"tagged {', '.join(conflict.labels)}",
        )
        for conflict in near[:_CONFLICTS]
    ]
    if len(near) > _CONFLICTS:
        rest = Problem(
            path=planned.name,
            stage=Stage.RECORD,
            code=Code.NEAR_CONFLICT,
            message=f"There are {len(near) - _CONFLICTS} more such groups: "
            f"sdxl-reg duplicates {planned.name} --across-labels",
        )
        notes.append(rest)
    return notes


def _slip_note(planned: PlannedSet, path: str, level: str, likely: str) -> Problem:
    return Problem(
        path=f"{planned.name}: {path}",
        stage=Stage.RECORD,
        code=Code.SIMILAR_NAME,
        message=f"This {level} is nearly called as {likely!r} is. Did you mean {likely!r}?",
    )
