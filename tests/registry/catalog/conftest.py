"""A registry in which something was trained."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from sdxl_reg.catalog import generations, grids
from sdxl_reg.settings import Settings
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import connect, upgrade
from tests.registry.catalog.hand_drawn import run_here
from tests.registry.catalog.hand_trained import train_by_hand


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.from_environment({"SDXL_REG_HOME": str(tmp_path / "home")})


@pytest.fixture
def trained(
    engine: Engine, store: BlobStore, tmp_path: Path, tiny_base: Path, tiny_loras: list[Path]
) -> Engine:
    """A registry with a dataset of two captions and a run that made x-lora@1 and @2 of it."""
    train_by_hand(engine, store, tmp_path, tiny_base, tiny_loras)
    return engine


@pytest.fixture
def sqlite(
    store: BlobStore, tmp_path: Path, tiny_base: Path, tiny_loras: list[Path]
) -> Iterator[Engine]:
    """The same, on SQLite only: for what takes long and asks nothing else of the database."""
    engine = connect(f"sqlite:///{tmp_path}/only.db")
    upgrade(engine)
    train_by_hand(engine, store, tmp_path, tiny_base, tiny_loras)
    yield engine
    engine.dispose()


@pytest.fixture
def drawing_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs of grids and generations are done in this process."""
    for module in (generations, grids):
        monkeypatch.setattr(module, "run_job", run_here)
