"""What is derived from rows, against the rows it is derived from; and deriving it anew."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Subquery,
    and_,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.orm import Session, aliased

from sdxl_reg.catalog.integrity.faults import Fault, FaultKind
from sdxl_reg.catalog.lineage import SYNTHETIC
from sdxl_reg.catalog.totals import counted, refresh_totals, totals_of
from sdxl_reg.tables import (
    Artifact,
    ArtifactFile,
    ArtifactVersion,
    Blob,
    Caption,
    CaptionHead,
    Dataset,
    DatasetEntry,
    DatasetVersion,
    Generation,
    Grid,
    ImageSet,
    LineageDep,
    LineageEvent,
    Member,
    MemberTag,
    Node,
    Run,
    Tag,
    TagClosure,
)
from sdxl_reg.vocabulary import Direction, VersionState

_Query = Select[*tuple[Any, ...]]


def derived_faults(session: Session) -> Iterator[Fault]:
    """Everything that does not follow from the rows it should follow from.

    Args:
        session: The transaction.
    """
    yield from _database(session)
    yield from _tag_tree(session)
    yield from _lineage(session)
    yield from _projects(session)
    yield from _counts(session)
    yield from _members(session)
    yield from _versions(session)


def derive_anew(session: Session) -> None:
    """Write the closure and paths of tags, the edges of the lineage and all counts from the truth.

    Args:
        session: The transaction.
    """
    _mend_paths(session)
    session.execute(delete(TagClosure))
    columns = ["ancestor_id", "descendant_id", "depth"]
    session.execute(insert(TagClosure).from_select(columns, _true_closure()))
    foreign = select(*_EDGE).except_(_true_edges()).subquery()
    edges = tuple_(*_EDGE)
    session.execute(delete(LineageDep).where(edges.in_(select(*foreign.c)), *_BY_RUNS))
    lost = _true_edges().except_(select(*_EDGE)).subquery()
    names = [column.key for column in _EDGE]
    session.execute(insert(LineageDep).from_select(names, select(*lost.c)))
    for owned in _PROJECTS:
        true = select(owned.c.project).where(owned.c.node_id == Node.id).scalar_subquery()
        session.execute(
            update(Node).where(_belongs_elsewhere(owned)).values(project=true),
            execution_options={"synchronize_session": False},
        )
    for image_set in session.scalars(select(ImageSet)):
        refresh_totals(session, image_set)


_EDGE = (LineageDep.child_id, LineageDep.parent_id, LineageDep.run_id, LineageDep.slot)
_BY_RUNS = (LineageDep.slot != SYNTHETIC,)  # the others follow from the pictures of a dataset


def _database(session: Session) -> Iterator[Fault]:
    """SQLite can hold rows that point nowhere, and pages that are damaged; PostgreSQL refuses."""
    if session.get_bind().dialect.name != "sqlite":
        return
    for (found,) in session.execute(text("PRAGMA quick_check(20)")):
        if found != "ok":
            yield Fault(kind=FaultKind.DATABASE, subject="database", message=str(found))
    for table, row, parent, _ in session.execute(text("PRAGMA foreign_key_check")):
        message = f"Row {row} of {table} points at a row of {parent} that is not there"
        yield Fault(kind=FaultKind.DATABASE, subject=table, message=message)


def _tag_tree(session: Session) -> Iterator[Fault]:
    for tag in session.scalars(_wrong_paths()):
        yield Fault(
            kind=FaultKind.TAG_TREE,
            subject=tag.path,
            message="Its path or depth is not what the tags above it say",
        )
    kept = select(TagClosure.ancestor_id, TagClosure.descendant_id, TagClosure.depth)
    for what, query in (
        ("lacks", _true_closure().except_(kept)),
        ("has one too many of", kept.except_(_true_closure())),
    ):
        number = session.scalar(select(func.count()).select_from(query.subquery())) or 0
        if number:
            message = f"The closure of the tags {what} {number:,} rows"
            yield Fault(kind=FaultKind.TAG_TREE, subject="tag_closure", message=message)


def _wrong_paths() -> Select[Tag]:
    parent = aliased(Tag)
    own = and_(Tag.path == Tag.name, Tag.depth == 0)
    below = and_(Tag.path == parent.path + "/" + Tag.name, Tag.depth == parent.depth + 1)
    return (
        select(Tag)
        .outerjoin(parent, parent.id == Tag.parent_id)
        .where(or_(and_(Tag.parent_id.is_(None), ~own), and_(Tag.parent_id.is_not(None), ~below)))
        .order_by(Tag.id)
    )


def _mend_paths(session: Session) -> None:
    """From the roots down: what lies below a wrong path is only seen to be wrong after it."""
    session.execute(
        update(Tag).where(Tag.parent_id.is_(None)).values(path=Tag.name, depth=0),
        execution_options={"synchronize_session": False},
    )
    while wrong := session.scalars(_wrong_paths()).all():
        for tag in wrong:
            above = session.get_one(Tag, tag.parent_id)
            tag.path, tag.depth = f"{above.path}/{tag.name}", above.depth + 1
        session.flush()


def _true_closure() -> _Query:
    closure = select(
        Tag.id.label("ancestor_id"), Tag.id.label("descendant_id"), literal(0).label("depth")
    ).cte("true_closure", recursive=True)
    closure = closure.union_all(
        select(closure.c.ancestor_id, Tag.id, closure.c.depth + 1).join(
            closure, closure.c.descendant_id == Tag.parent_id
        )
    )
    return select(closure.c.ancestor_id, closure.c.descendant_id, closure.c.depth)


def _lineage(session: Session) -> Iterator[Fault]:
    kept = select(*_EDGE).where(*_BY_RUNS)
    for what, query in (
        ("was recorded by a run and is no edge", _true_edges().except_(select(*_EDGE))),
        ("is an edge that no run recorded", kept.except_(_true_edges())),
    ):
        for child, parent, run, slot in session.execute(query):
            message = f"Node {parent} → {child} through {slot!r} of run {run} {what}"
            yield Fault(kind=FaultKind.LINEAGE, subject=f"node {child}", message=message)


def _true_edges() -> _Query:
    """What every run took, to what it gave."""
    taken, given = aliased(LineageEvent), aliased(LineageEvent)
    return (
        select(given.node_id, taken.node_id, given.run_id, taken.slot)
        .join(taken, taken.run_id == given.run_id)
        .where(
            given.direction == Direction.OUTPUT,
            taken.direction == Direction.INPUT,
            given.node_id > taken.node_id,
        )
    )


_PROJECTS = tuple(
    owned.subquery()
    for owned in (
        select(ArtifactVersion.node_id, Artifact.project).join(Artifact),
        select(Grid.node_id, Artifact.project).join(Artifact, Artifact.id == Grid.artifact_id),
        select(Generation.node_id, Run.project).join(Run, Run.id == Generation.run_id),
        select(DatasetVersion.node_id, ImageSet.project)
        .join(Dataset, Dataset.id == DatasetVersion.dataset_id)
        .join(ImageSet, ImageSet.id == Dataset.image_set_id),
    )
)
"""What stands at nodes, and which project it belongs to."""


def _belongs_elsewhere(owned: Subquery) -> ColumnElement[bool]:
    return exists().where(owned.c.node_id == Node.id, owned.c.project != Node.project)


def _projects(session: Session) -> Iterator[Fault]:
    for owned in _PROJECTS:
        found = (
            select(Node.id, Node.project, owned.c.project)
            .join(owned, owned.c.node_id == Node.id)
            .where(owned.c.project != Node.project)
        )
        for node, kept, true in session.execute(found):
            message = f"It is kept as of project {kept!r}, and what stands there is of {true!r}"
            yield Fault(kind=FaultKind.LINEAGE, subject=f"node {node}", message=message)


def _counts(session: Session) -> Iterator[Fault]:
    for image_set in session.scalars(select(ImageSet).order_by(ImageSet.id)):
        if image_set.totals is None:
            continue
        kept, true = totals_of(session, image_set), counted(session, image_set)
        if kept != true:
            message = (
                f"It is kept as {kept.members:,} members and {kept.images:,} images, and has "
                f"{true.members:,} and {true.images:,}, or its tags are miscounted"
            )
            yield Fault(kind=FaultKind.COUNTS, subject=image_set.name, message=message)


def _members(session: Session) -> Iterator[Fault]:
    for what, query in (
        (
            "tags",
            select(Member.source_path)
            .join(MemberTag, MemberTag.member_id == Member.id)
            .where(MemberTag.image_set_id != Member.image_set_id),
        ),
        (
            "caption",
            select(Member.source_path)
            .join(CaptionHead, CaptionHead.member_id == Member.id)
            .join(Caption, Caption.id == CaptionHead.caption_id)
            .where(Caption.member_id != Member.id),
        ),
    ):
        for path in session.scalars(query):
            message = f"Its {what} are those of another"
            yield Fault(kind=FaultKind.MEMBERS, subject=path, message=message)


def _versions(session: Session) -> Iterator[Fault]:
    empty = (
        select(Artifact.name, ArtifactVersion.version)
        .join(Artifact, Artifact.id == ArtifactVersion.artifact_id)
        .where(
            ArtifactVersion.state == VersionState.READY,
            ~select(ArtifactFile.path)
            .where(ArtifactFile.version_id == ArtifactVersion.id)
            .correlate(ArtifactVersion)
            .exists(),
        )
    )
    for name, number in session.execute(empty):
        message = "It is ready and has no file"
        yield Fault(kind=FaultKind.VERSIONS, subject=f"{name}@{number}", message=message)
    entries = (
        select(func.count())
        .where(DatasetEntry.dataset_version_id == DatasetVersion.id)
        .correlate(DatasetVersion)
        .scalar_subquery()
    )
    changed = (
        select(Dataset.name, DatasetVersion.version)
        .join(Dataset, Dataset.id == DatasetVersion.dataset_id)
        .join(Blob, Blob.id == DatasetVersion.manifest_id)
        .where(or_(Blob.sha256 != DatasetVersion.digest, entries != DatasetVersion.image_count))
    )
    for name, number in session.execute(changed):
        message = "Its manifest or its number of images is not that of when it was frozen"
        yield Fault(kind=FaultKind.VERSIONS, subject=f"{name}@{number}", message=message)
