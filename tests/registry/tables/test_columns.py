from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import IntegrityError, StatementError

from sdxl_reg.catalog.references import MAIN
from sdxl_reg.store.database import reading, transaction
from sdxl_reg.tables import Artifact, Base, EventLog, LineageDep, Node, Run, Tag
from sdxl_reg.vocabulary import ArtifactKind, NodeKind, RunKind, RunState


def test_a_closed_word_comes_back_as_one_and_lies_there_as_text(engine: Engine) -> None:
    with transaction(engine) as session:
        session.add(Run(kind=RunKind.TRAIN, title="train", spec={}))
    with reading(engine) as session:
        run = session.scalars(select(Run)).one()
        assert run.state is RunState.QUEUED
        assert not run.state.is_final
        assert session.scalar(text("SELECT state FROM run")) == "queued"


def test_a_word_that_is_not_in_the_list_is_refused(engine: Engine) -> None:
    with pytest.raises(StatementError), transaction(engine) as session:
        session.add(Artifact(kind="painting", name="a", name_key="a"))


def test_every_closed_word_fits_its_column() -> None:
    words = [
        (column, column.type)
        for table in Base.metadata.tables.values()
        for column in table.columns
        if issubclass(column.type.python_type, StrEnum)
    ]
    assert words
    for column, kind in words:
        longest = max(len(word.value) for word in kind.python_type)
        assert longest <= kind.length, column  # type: ignore[attr-defined]


def test_a_time_comes_back_in_utc(engine: Engine) -> None:
    noon = datetime(2026, 11, 23, 12, tzinfo=timezone(timedelta(hours=8)))
    with transaction(engine) as session:
        session.add(EventLog(verb="test", subject="x", at=noon))
    with reading(engine) as session:
        at = session.scalars(select(EventLog)).one().at
    assert at == noon
    assert at.tzinfo is UTC


def test_a_time_without_a_zone_is_refused(engine: Engine) -> None:
    naive = datetime(2026, 11, 23, 12, tzinfo=UTC).replace(tzinfo=None)
    with pytest.raises(StatementError, match="without a zone"), transaction(engine) as session:
        session.add(EventLog(verb="test", subject="x", at=naive))


def test_two_siblings_of_one_name_are_refused(engine: Engine) -> None:
    with transaction(engine) as session:
        session.add(root := tag("root", parent=None))
    for parent in (None, root.id):
        with transaction(engine) as session:
            session.add(tag("twin", parent=parent))
        with pytest.raises(IntegrityError, match="uq_tag_sibling"), transaction(engine) as session:
            session.add(tag("twin", parent=parent))


def test_one_name_may_stand_at_two_places(engine: Engine) -> None:
    with transaction(engine) as session:
        session.add_all(roots := [tag("spot", parent=None), tag("other", parent=None)])
    with transaction(engine) as session:
        session.add_all([tag("spot", parent=root.id) for root in roots])


def tag(name: str, *, parent: int | None) -> Tag:
    depth = 0 if parent is None else 1
    return Tag(name=name, name_key=name, path=name, parent_id=parent, depth=depth, level="brand")


def test_an_edge_from_a_newer_node_to_an_older_one_is_refused(engine: Engine) -> None:
    with transaction(engine) as session:
        kinds = (NodeKind.DATASET, NodeKind.ARTIFACT)
        session.add_all(nodes := [Node(kind=kind, project=MAIN) for kind in kinds])
        session.add(run := Run(kind=RunKind.TRAIN, title="train", spec={}))
    old, new = sorted(node.id for node in nodes)
    for child, parent in ((old, new), (old, old)):
        with pytest.raises(IntegrityError, match="older_parent"), transaction(engine) as session:
            session.add(LineageDep(child_id=child, parent_id=parent, run_id=run.id, slot="base"))


def test_every_constraint_has_a_name_that_a_migration_can_drop() -> None:
    for table in Base.metadata.tables.values():
        assert all(constraint.name for constraint in table.constraints), table
        assert all(index.name for index in table.indexes), table


def test_an_artifact_name_is_taken_once_whatever_its_case(engine: Engine) -> None:
    with transaction(engine) as session:
        session.add(Artifact(kind=ArtifactKind.LORA, name="Weipin", name_key="weipin"))
    with pytest.raises(IntegrityError), transaction(engine) as session:
        session.add(Artifact(kind=ArtifactKind.LORA, name="weipin", name_key="weipin"))
