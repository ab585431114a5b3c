"""What is recorded of an image set before an ingest: its facts, its folders, its members."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.ingest_folders import FolderReading
from sdxl_reg.catalog.ingest_plan import PlannedFolder, PlannedPicture
from sdxl_reg.imaging.names import name_key
from sdxl_reg.imaging.problems import Problem, Stage, as_document
from sdxl_reg.tables import Caption, CaptionHead, FolderScan, ImageSet, Member
from sdxl_reg.vocabulary import CaptionSource, MemberState

_KEPT_NOTES = 50  # of a folder; one with more is looked at again each time


@dataclass(frozen=True, kw_only=True)
class RememberedMember:
    """What the rows say of a path."""

    member_id: int
    size_bytes: int
    mtime_ns: int
    inode: int | None
    is_missing: bool
    caption: tuple[str, CaptionSource] | None


@dataclass(frozen=True, kw_only=True)
class FolderDone:
    """A folder of which everything was read, for the next ingest to pass over.

    Attributes:
        planned: The folder.
        facts: What is to be told of it again then; none where it must be read again.
    """

    planned: PlannedFolder
    facts: dict[str, Any] | None


@dataclass(frozen=True, kw_only=True)
class SetFacts:
    """What is recorded of the set as a whole."""

    source: str
    layout: str
    template: str
    is_linked: bool


def folder_facts(reading_: FolderReading, failed: Sequence[Problem]) -> dict[str, Any] | None:
    """What an ingest that finds a folder unchanged is to say of it; none if it must look again.

    Args:
        reading_: What the folder holds.
        failed: Pictures in it that could not be taken.
    """
    problems = [*reading_.skipped, *failed]
    passing = any(problem.stage == Stage.READ for problem in failed)  # busy, closed, vanished
    if passing or len(problems) + len(reading_.warnings) > _KEPT_NOTES:
        return None
    return {
        "pictures": len(reading_.pictures) - len(failed),
        "captions": reading_.captions,
        "failed": len(failed),
        "skipped": len(reading_.skipped),
        "problems": [as_document(problem) for problem in problems],
        "warnings": [as_document(problem) for problem in reading_.warnings],
        "ignored": dict(reading_.ignored),
    }


def is_as_it_was(row: RememberedMember, picture: PlannedPicture) -> bool:
    """Whether a file has the size, time and inode of when it was last read."""
    file = picture.file
    same_inode = row.inode is None or row.inode == file.inode
    return (row.size_bytes, row.mtime_ns) == (file.size_bytes, file.mtime_ns) and same_inode


def size_of(path: Path) -> int:
    """Bytes of a file; −1 where there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return -1


def recorded_set(
    session: Session, name: str
) -> tuple[int | None, SetFacts | None, dict[str, tuple[str, dict[str, Any]]]]:
    """What is recorded of a set: its row, its facts, its folders."""
    image_set = session.scalar(select(ImageSet).where(ImageSet.name_key == name_key(name)))
    if image_set is None:
        return None, None, {}
    scans = session.execute(
        select(FolderScan.path, FolderScan.fingerprint, FolderScan.facts).where(
            FolderScan.image_set_id == image_set.id
        )
    )
    facts = SetFacts(
        source=image_set.source,
        layout=image_set.layout,
        template=image_set.caption_template,
        is_linked=image_set.is_linked,
    )
    return image_set.id, facts, {path: (print_, facts_) for path, print_, facts_ in scans}


def recorded_members(session: Session, set_id: int, folder: str) -> dict[str, RememberedMember]:
    """What is recorded of the members of a folder, by path."""
    rows = session.execute(
        select(
            Member.source_path,
            Member.id,
            Member.source_size,
            Member.source_mtime_ns,
            Member.source_inode,
            Member.state,
            Caption.text,
            Caption.source,
        )
        .outerjoin(CaptionHead, CaptionHead.member_id == Member.id)
        .outerjoin(Caption, Caption.id == CaptionHead.caption_id)
        .where(Member.image_set_id == set_id, Member.folder == folder)
    )
    return {
        path: RememberedMember(
            member_id=member_id,
            size_bytes=size,
            mtime_ns=mtime,
            inode=inode,
            is_missing=state == MemberState.MISSING,
            caption=(text, CaptionSource(source)) if text is not None else None,
        )
        for path, member_id, size, mtime, inode, state, text, source in rows
    }
