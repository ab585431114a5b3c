"""What every test may use."""

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import connect, upgrade

POSTGRESQL_URL = os.environ.get(
    "SDXL_REG_TEST_POSTGRESQL", "postgresql+psycopg://postgres@127.0.0.1:5432/postgres"
)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Nothing skips in CI: there, a skip is a failure that says why."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and "CI" in os.environ:
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"
    return report


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    """An empty blob store."""
    return BlobStore(tmp_path / "blobs")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def empty_database(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a database without tables, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        folder: Path = request.getfixturevalue("tmp_path")
        yield f"sqlite:///{folder}/registry.db"
        return
    request.getfixturevalue("postgresql_server")
    worker = os.environ.get("PYTEST_XDIST_WORKER", "alone")
    name = f"sdxl_reg_test_{os.getpid()}_{worker}"
    _as_postgres(f'CREATE DATABASE "{name}"')
    yield make_url(POSTGRESQL_URL).set(database=name).render_as_string(hide_password=False)
    _as_postgres(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def engine(empty_database: str) -> Iterator[Engine]:
    """A database with every table and no row, once on SQLite and once on PostgreSQL."""
    engine = connect(empty_database)
    upgrade(engine)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def postgresql_server() -> None:
    """PostgreSQL as it answers at SDXL_REG_TEST_POSTGRESQL; without one, the test skips."""
    try:
        _as_postgres("SELECT 1")
    except OperationalError as error:
        pytest.skip(f"no PostgreSQL at {POSTGRESQL_URL}: {error.orig}")


def _as_postgres(statement: str) -> None:
    server = create_engine(POSTGRESQL_URL, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(statement))
    server.dispose()


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random SDXL of the smallest size that has every part, as a diffusers folder.

    Three stages as in SDXL (16, 16 and 32 wide), text encoders 16 wide with CLIP tokenizers of a
    few merges, VAE of factor 8, 64 px pictures. It draws noise; what it draws is repeatable.
    """
    from sdxl_reg.diffusion.tiny import write_tiny_base

    return write_tiny_base(tmp_path_factory.mktemp("tiny") / "base")
