"""A real server over a registry that may be written to."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sdxl_reg.client import Client
from sdxl_reg.web.dependencies import Registry
from tests.registry.web.browser import serving
from tests.registry.web.example_registry import build


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    registry = build(tmp_path_factory.mktemp("served"))
    yield registry
    registry.engine.dispose()


@pytest.fixture(scope="module")
def address(registry: Registry) -> Iterator[str]:
    with serving(registry) as address:
        yield address


@pytest.fixture
def client(address: str) -> Iterator[Client]:
    with Client(address) as client:
        yield client


@pytest.fixture
def big(tmp_path: Path) -> Path:
    """A LoRA of more than a megabyte, of no other test."""
    from tests.registry.formats.shaped_files import TO_K, shaped_file

    return shaped_file(tmp_path / "big.safetensors", {TO_K: (400, 2048)}, {"from": str(tmp_path)})
