import subprocess
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import SAWarning

from sdxl_reg.errors import Conflict, InvalidValue, NotFound
from sdxl_reg.store.database import connect, downgrade, prepare, upgrade
from sdxl_reg.tables import Base


@pytest.fixture
def engine(empty_database: str) -> Iterator[Engine]:
    """A database of its own, migrated; these tests change its tables."""
    engine = connect(empty_database)
    upgrade(engine)
    yield engine
    engine.dispose()


def test_the_migrated_schema_is_that_of_the_tables(engine: Engine) -> None:
    with engine.connect() as connection:
        assert differences(connection) == []


def test_siblings_of_the_tag_tree_are_unique_in_a_migrated_database(engine: Engine) -> None:
    with engine.connect() as connection:
        assert "COALESCE" in index_definition(connection, "uq_tag_sibling").upper()


def test_a_missing_column_is_a_difference(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE run DROP COLUMN error"))
        assert [kind for kind, *_ in differences(connection)] == ["add_column"]


def test_up_and_down_and_up_again_leaves_the_same_schema(engine: Engine) -> None:
    downgrade(engine)
    upgrade(engine)
    with engine.connect() as connection:
        assert differences(connection) == []


def test_downgrading_to_base_leaves_no_table_and_no_index(engine: Engine) -> None:
    downgrade(engine)
    assert inspect(engine).get_table_names() == ["alembic_version"]


def test_a_database_that_was_taken_down_to_base_is_prepared_like_a_new_one(
    engine: Engine,
) -> None:
    downgrade(engine)
    prepare(engine)
    assert set(inspect(engine).get_table_names()) == {*Base.metadata.tables, "alembic_version"}


def test_several_processes_may_prepare_one_new_database_at_once(empty_database: str) -> None:
    program = (
        "import sys; from sdxl_reg.store.database import connect, prepare; "
        "prepare(connect(sys.argv[1]))"
    )
    starting = [
        subprocess.Popen(
            [sys.executable, "-c", program, empty_database], stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    assert [process.communicate(timeout=60)[1] for process in starting] == ["", ""]
    engine = connect(empty_database)
    assert inspect(engine).has_table("artifact_version")
    engine.dispose()


@pytest.mark.parametrize(("revision", "remedy"), [("0000", "db upgrade"), ("9999", "Install")])
def test_a_database_of_another_release_is_refused(
    engine: Engine, revision: str, remedy: str
) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :r"), {"r": revision})
    with pytest.raises(Conflict, match=f"revision {revision}.*{remedy}"):
        prepare(engine)


def test_a_database_that_does_not_answer_is_told_without_its_password() -> None:
    engine = connect("postgresql://me:secret@127.0.0.1:1/nothing")
    with pytest.raises(NotFound, match="SDXL_REG_DATABASE_URL") as caught:
        prepare(engine)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["nonsense", "oracle://somewhere/db", "mysql+none://x/y"])
def test_a_url_that_names_no_database_we_know_is_refused(url: str) -> None:
    with pytest.raises(InvalidValue, match="postgresql://"):
        connect(url)


def differences(connection: Connection) -> list[Any]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    with warnings.catch_warnings():
        # SQLite cannot tell the expression of an index; a test of its own looks at that one.
        warnings.filterwarnings("ignore", "Skipped unsupported reflection", SAWarning)
        warnings.filterwarnings("ignore", "autogenerate skipping", UserWarning)
        return list(compare_metadata(context, Base.metadata))


def index_definition(connection: Connection, name: str) -> str:
    sources = {
        "sqlite": "SELECT sql FROM sqlite_master WHERE name = :name",
        "postgresql": "SELECT indexdef FROM pg_indexes WHERE indexname = :name",
    }
    query = text(sources[connection.dialect.name])
    return str(connection.execute(query, {"name": name}).scalar_one())
