"""What a viewer does not see is not there: every query of a request leaves it out.

The rule stands in one place, at the session, and not in each query: a query that somebody writes
next year cannot forget it. Without a viewer (commands, the server's own work, a registry without
users) nothing is left out.

Image sets, artifacts, runs and nodes of the lineage say which project they belong to; everything
else belongs to one of these. An image is seen by whoever sees one of its members, a dataset entry
or a drawing of it. The tree of tags, and who follows from whom, are one for all; they name nothing
of what they stand for.
"""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from sqlalchemy import ColumnElement, Text, cast, event, or_, select
from sqlalchemy.orm import ORMExecuteState, Session, with_loader_criteria
from sqlalchemy.orm.interfaces import CriteriaOption
from sqlalchemy.orm.util import LoaderCriteriaOption
from sqlalchemy.sql.visitors import ExtendedInternalTraversal

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
    Ingest,
    IngestFile,
    LineageEvent,
    Member,
    MemberTag,
    Node,
    Run,
    RunAttempt,
    RunMetric,
    RunSample,
    Upload,
    Vote,
)

_viewer: ContextVar[Viewer | None] = ContextVar("viewer", default=None)

_OWNED_BY: dict[type[Base], tuple[str, type[Base]]] = {
    Member: ("image_set_id", ImageSet),
    MemberTag: ("image_set_id", ImageSet),
    FolderScan: ("image_set_id", ImageSet),
    IngestFile: ("ingest_id", Ingest),
    Dataset: ("image_set_id", ImageSet),
    DatasetVersion: ("dataset_id", Dataset),
    DatasetEntry: ("dataset_version_id", DatasetVersion),
    Caption: ("member_id", Member),
    CaptionHead: ("member_id", Member),
    Crop: ("member_id", Member),
    ImageEmbedding: ("image_id", Image),
    ArtifactVersion: ("artifact_id", Artifact),
    ArtifactAlias: ("artifact_id", Artifact),
    ArtifactFile: ("version_id", ArtifactVersion),
    RunAttempt: ("run_id", Run),
    RunMetric: ("run_id", Run),
    RunSample: ("run_id", Run),
    LineageEvent: ("run_id", Run),
    Grid: ("artifact_id", Artifact),
    GridCell: ("grid_id", Grid),
    CellScore: ("cell_id", GridCell),
    Vote: ("grid_id", Grid),
    Generation: ("run_id", Run),
    GeneratedPicture: ("generation_id", Generation),
}
_HOLDING_IMAGES = (Member, DatasetEntry, GeneratedPicture)
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
        state.statement = state.statement.options(_Rules(projects))


class _Rules(CriteriaOption):
    """The conditions of every table, as one option.

    A statement is looked up among those that are compiled already by all that it is made of: with
    an option for each table, that took several times as long as most of our queries. Which
    conditions there are follows from the projects alone, so these are enough to know them by.
    """

    __slots__ = ("projects",)
    _traverse_internals = [("projects", ExtendedInternalTraversal.dp_plain_obj)]  # noqa: RUF012
    propagate_to_loaders = False  # what is loaded later is a statement of its own, see above

    def __init__(self, projects: frozenset[str]) -> None:
        self.projects = projects

    def process_compile_state(self, compile_state: Any) -> None:
        """Add the conditions to a statement that is being compiled."""
        self.get_global_criteria(compile_state.global_attributes)

    def get_global_criteria(self, attributes: dict[Any, Any]) -> None:
        """Add the conditions to those of a statement."""
        for condition in _criteria(self.projects):
            condition.get_global_criteria(attributes)


@functools.lru_cache(maxsize=256)
def _criteria(projects: frozenset[str]) -> tuple[LoaderCriteriaOption, ...]:
    """The condition of every table that has one, for those who see some projects."""
    tables: tuple[type[Base], ...] = (
        ImageSet,
        Artifact,
        Run,
        Node,
        Upload,
        Ingest,
        Change,
        Image,
        *_OWNED_BY,
    )
    return tuple(
        with_loader_criteria(table, _rule(table, table, projects), include_aliases=True)
        for table in tables
    )


def _rule(table: type[Base], row: Any, projects: frozenset[str]) -> ColumnElement[bool]:
    """Whether a row is seen: through its owners up to a project.

    Asked row by row, for the members of a large set are never gathered to find those on one page.

    Args:
        table: What it is a row of.
        row: Its columns: those of the class, where a query under other names has to recognise them;
            those of the table further up, where no conditions are to be added again.
        projects: What is seen.
    """
    found: ColumnElement[bool]
    if table is Image:
        found = or_(*(_holds(holder, row.id, projects) for holder in _HOLDING_IMAGES))
    elif table is Change:  # one of the tree of tags belongs to no set
        of_set = _exists(ImageSet, row.image_set_id, projects)
        found = or_(row.image_set_id.is_(None), of_set)
    elif table in _OWNED_BY:
        key, owner = _OWNED_BY[table]
        found = _exists(owner, getattr(row, key), projects)
    else:
        found = row.project.in_(projects)
    return found


def _exists(owner: type[Base], key: Any, projects: frozenset[str]) -> ColumnElement[bool]:
    """Whether the row that a column names is seen."""
    columns = owner.__table__.c
    query = select(1).where(columns.id == key, _rule(owner, columns, projects))
    return query.correlate_except(owner.__table__).exists()


def _holds(holder: type[Base], image: Any, projects: frozenset[str]) -> ColumnElement[bool]:
    """Whether a row that is seen holds an image."""
    columns = holder.__table__.c
    query = select(1).where(columns.image_id == image, _rule(holder, columns, projects))
    return query.correlate_except(holder.__table__).exists()
