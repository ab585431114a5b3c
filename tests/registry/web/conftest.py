"""The registry and the client of the tests of the web."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from sdxl_reg.web.app import create_app
from sdxl_reg.web.dependencies import Registry
from tests.registry.web.example_registry import build

ADDRESS = "http://127.0.0.1:8000"
"""Of a server on this machine: under another name it is not written to."""


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """The example registry; tests only read it."""
    registry = build(tmp_path_factory.mktemp("registry"))
    yield registry
    registry.engine.dispose()


@pytest.fixture(scope="session")
def client(registry: Registry) -> Iterator[TestClient]:
    """A client of the application over the example registry."""
    with TestClient(
        create_app(registry), base_url=ADDRESS, raise_server_exceptions=False
    ) as client:
        yield client
