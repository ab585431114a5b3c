"""What every test may use."""

import os
import shutil
import signal
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import connect, upgrade
from sdxl_reg.tables import Base

# How long an example takes depends on what else the machine does, and is not what is tested.
settings.register_profile("sdxl-reg", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("sdxl-reg")

POSTGRESQL_URL = os.environ.get(
    "SDXL_REG_TEST_POSTGRESQL", "postgresql+psycopg://postgres@127.0.0.1:5432/postgres"
)


# A run in the background ignores Ctrl-C, and so would every process that the tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


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


DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]


@pytest.fixture(params=DATABASES)
def empty_database(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a database without tables, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        folder: Path = request.getfixturevalue("tmp_path")
        yield f"sqlite:///{folder}/registry.db"
        return
    request.getfixturevalue("postgresql_server")
    with _postgresql_database("empty") as url:
        yield url


@pytest.fixture(params=DATABASES)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """A database with every table and no row, once on SQLite and once on PostgreSQL.

    Migrating takes seconds, so it is done once: SQLite's file is copied for each test, the rows of
    PostgreSQL's database are removed after each.
    """
    if request.param == "sqlite":
        copy = request.getfixturevalue("tmp_path") / "registry.db"
        shutil.copyfile(request.getfixturevalue("migrated_sqlite"), copy)
        engine = connect(f"sqlite:///{copy}")
        yield engine
        engine.dispose()
        return
    engine = connect(request.getfixturevalue("migrated_postgresql"))
    yield engine
    with engine.begin() as connection:  # TRUNCATE takes a second: it syncs every table's file
        for table in reversed(Base.metadata.sorted_tables):
            connection.execute(table.delete())
    engine.dispose()


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with every table and no row, to be copied."""
    path = tmp_path_factory.mktemp("database") / "migrated.db"
    engine = connect(f"sqlite:///{path}")
    upgrade(engine)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return path


@pytest.fixture(scope="session")
def migrated_postgresql(postgresql_server: None) -> Iterator[str]:
    """The URL of a PostgreSQL database with every table and no row."""
    with _postgresql_database("migrated") as url:
        engine = connect(url)
        upgrade(engine)
        engine.dispose()
        yield url


@pytest.fixture(scope="session")
def postgresql_server() -> None:
    """PostgreSQL as it answers at SDXL_REG_TEST_POSTGRESQL; without one, the test skips."""
    try:
        _as_postgres("SELECT 1")
    except OperationalError as error:
        pytest.skip(f"no PostgreSQL at {POSTGRESQL_URL}: {error.orig}")


@contextmanager
def _postgresql_database(purpose: str) -> Iterator[str]:
    name = f"sdxl_reg_{purpose}_{os.getpid()}"
    _as_postgres(f'CREATE DATABASE "{name}"')
    try:
        yield make_url(POSTGRESQL_URL).set(database=name).render_as_string(hide_password=False)
    finally:
        _as_postgres(f'DROP DATABASE "{name}" WITH (FORCE)')


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


@pytest.fixture(scope="session")
def tiny_loras(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two random LoRA files in kohya's format for the tiny base, text encoders included.

    They change what it draws visibly, and repeatably.
    """
    import torch

    from sdxl_reg.diffusion.pipeline import load_pipeline
    from sdxl_reg.diffusion.weights import save_weights
    from sdxl_reg.formats.lora.kohya_names import kohya_name
    from sdxl_reg.training.base import PARTS
    from sdxl_reg_lora.network import target_modules, unet_shape

    pipeline = load_pipeline(tiny_base)
    folder = tmp_path_factory.mktemp("loras")
    for number in (1, 2):
        generator = torch.Generator().manual_seed(number)
        tensors: dict[str, torch.Tensor] = {}
        for part in PARTS:
            module = getattr(pipeline, part)
            for path in target_modules(part, module):
                rows, columns = module.get_submodule(path).weight.shape
                stem = kohya_name(part, path, unet_shape(pipeline.unet))
                down = torch.randn(2, columns, generator=generator)
                up = torch.randn(rows, 2, generator=generator)
                tensors[f"{stem}.lora_down.weight"] = down * 0.3
                tensors[f"{stem}.lora_up.weight"] = up * 0.3
                tensors[f"{stem}.alpha"] = torch.tensor(2.0)
        save_weights(folder / f"x-lora-{number:06d}.safetensors", tensors, {})
    return sorted(folder.iterdir())
