"""What a viewer does not see is not there: every query of a request leaves it out.

The rule stands in one place, at the session, and not in each query: a query that somebody writes
next year cannot forget it. Without a viewer (commands, the server's own work, a registry without
users) nothing is left out.

Image sets, artifacts and runs say which project they belong to; everything else belongs to one of
these. An image is seen by whoever sees one of its members, a dataset entry or a drawing of it. The
tree of tags, and who follows from whom, are one for all; they name nothing of what they stand for.
"""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, cast, event, or_, select
from sqlalchemy.orm import ORMExecuteState, Session, with_loader_criteria
from sqlalchemy.sql.base import ExecutableOption

from sdxl_reg.catalog.access.viewers import Viewer
from sdxl_reg.tables import (
    Artifact,
    ArtifactAlias,
    ArtifactFile,
    ArtifactVersion,
    Base,
    Blob,
    Caption,
    CaptionHead,
    CellScore,
    Change,
    Crop,
    Dataset,
    DatasetEntry,
    DatasetVersion,
    FolderScan,
    GeneratedPicture,
    Generation,
    Grid,
    GridCell,
    Image,
    ImageEmbedding,
    ImageSet,
    LineageEvent,
    Member,
    MemberTag,
    Run,
    RunAttempt,
    RunMetric,
    RunSample,
    Vote,
)

_viewer: ContextVar[Viewer | None] = ContextVar("viewer", default=None)

_OWNED_BY: dict[type[Base], tuple[Any, type[Base]]] = {
    Member: (Member.image_set_id, ImageSet),
    MemberTag: (MemberTag.image_set_id, ImageSet),
    FolderScan: (FolderScan.image_set_id, ImageSet),
    Dataset: (Dataset.image_set_id, ImageSet),
    DatasetVersion: (DatasetVersion.dataset_id, Dataset),
    DatasetEntry: (DatasetEntry.dataset_version_id, DatasetVersion),
    Caption: (Caption.member_id, Member),
    CaptionHead: (CaptionHead.member_id, Member),
    Crop: (Crop.member_id, Member),
    ImageEmbedding: (ImageEmbedding.image_id, Image),
    ArtifactVersion: (ArtifactVersion.artifact_id, Artifact),
    ArtifactAlias: (ArtifactAlias.artifact_id, Artifact),
    ArtifactFile: (ArtifactFile.version_id, ArtifactVersion),
    RunAttempt: (RunAttempt.run_id, Run),
    RunMetric: (RunMetric.run_id, Run),
    RunSample: (RunSample.run_id, Run),
    LineageEvent: (LineageEvent.run_id, Run),
    Grid: (Grid.artifact_id, Artifact),
    GridCell: (GridCell.grid_id, Grid),
    CellScore: (CellScore.cell_id, GridCell),
    Vote: (Vote.grid_id, Grid),
    Generation: (Generation.run_id, Run),
    GeneratedPicture: (GeneratedPicture.generation_id, Generation),
}
_NAMING_BLOBS = (
    Image.blob_id,
    ArtifactFile.blob_id,
    DatasetVersion.manifest_id,
    GridCell.blob_id,
    Grid.sheet_id,
    RunSample.blob_id,
)
_DOCUMENTS = (GeneratedPicture.picture, GridCell.picture, ArtifactVersion.details)


def present_viewer() -> Viewer | None:
    """Who asks; None where nobody has to sign in, and for the server's own work."""
    return _viewer.get()


def show_to(viewer: Viewer | None) -> None:
    """Have the present task, and what it calls, see only what a viewer may see."""
    _viewer.set(viewer)


@contextmanager
def shown_to(viewer: Viewer | None) -> Iterator[None]:
    """See, inside, only what a viewer may see; with None, everything."""
    before = _viewer.set(viewer)
    try:
        yield
    finally:
        _viewer.reset(before)


def is_blob_visible(session: Session, blob: Blob) -> bool:
    """Whether something that the viewer sees is made of some bytes, or names them."""
    if _hidden_but() is None:
        return True
    for column in _NAMING_BLOBS:
        if session.scalar(select(column).where(column == blob.id).limit(1)) is not None:
            return True
    named = (cast(column, Text).contains(blob.sha256) for column in _DOCUMENTS)
    return any(session.execute(select(1).where(word).limit(1)).first() for word in named)


def _hidden_but() -> frozenset[str] | None:
    viewer = _viewer.get()
    return None if viewer is None else viewer.projects()


@event.listens_for(Session, "do_orm_execute")
def _leave_out(state: ORMExecuteState) -> None:
    if state.is_select and (projects := _hidden_but()) is not None:
        state.statement = state.statement.options(*_criteria(projects))


@functools.lru_cache(maxsize=256)
def _criteria(projects: frozenset[str]) -> tuple[ExecutableOption, ...]:
    """The condition of every table that has one, for those who see some projects."""
    rules: dict[type[Base], ColumnElement[bool]] = {
        table: table.project.in_(projects) for table in (ImageSet, Artifact, Run)
    }
    # A change of the tree of tags belongs to no set.
    rules[Change] = or_(
        Change.image_set_id.is_(None), Change.image_set_id.in_(_visible(ImageSet, projects))
    )
    rules[Image] = _is_seen(projects)
    rules |= {
        table: column.in_(_visible(owner, projects)) for table, (column, owner) in _OWNED_BY.items()
    }
    return tuple(
        with_loader_criteria(table, rule, include_aliases=True) for table, rule in rules.items()
    )


def _visible(owner: type[Base], projects: frozenset[str]) -> Select[Any]:
    """Keys of the rows of a table that are seen, through its owners up to a project.

    Of tables, not of classes: these queries are part of the conditions and take none themselves.
    """
    table = owner.__table__
    query = select(table.c.id)
    if owner is Image:
        return query.where(_is_seen(projects))
    if owner not in _OWNED_BY:
        return query.where(table.c.project.in_(projects))
    column, above = _OWNED_BY[owner]
    return query.where(table.c[column.key].in_(_visible(above, projects)))


def _is_seen(projects: frozenset[str]) -> ColumnElement[bool]:
    image = Image.__table__.c.id
    return or_(
        *(_has(table, image, projects) for table in (Member, DatasetEntry, GeneratedPicture))
    )


def _has(table: type[Base], image: Any, projects: frozenset[str]) -> ColumnElement[bool]:
    columns = table.__table__.c
    owner, above = _OWNED_BY[table]
    return (
        select(1)
        .where(columns.image_id == image, columns[owner.key].in_(_visible(above, projects)))
        .correlate(Image.__table__)
        .exists()
    )
