"""The registry and the client of the tests of the web."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page
from starlette.testclient import TestClient

from sdxl_reg.web.app import create_app
from sdxl_reg.web.dependencies import Registry
from tests.registry.web.browser import tab
from tests.registry.web.example_registry import build

ADDRESS = "http://127.0.0.1:8000"
"""Of a server on this machine: under another name it is not written to."""


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """The example registry; tests only read it."""
    registry = build(tmp_path_factory.mktemp("registry"))
    yield registry
    registry.engine.dispose()


@pytest.fixture(scope="module")
def own_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """An example registry that the tests of one module may write to."""
    registry = build(tmp_path_factory.mktemp("own"))
    yield registry
    registry.engine.dispose()


@pytest.fixture(scope="module")
def writer(own_registry: Registry) -> Iterator[TestClient]:
    """A client of a server whose registry the tests of one module may write to."""
    with TestClient(create_app(own_registry), base_url=ADDRESS) as client:
        yield client


@pytest.fixture(scope="session")
def client(registry: Registry) -> Iterator[TestClient]:
    """A client of the application over the example registry."""
    with TestClient(
        create_app(registry), base_url=ADDRESS, raise_server_exceptions=False
    ) as client:
        yield client


@pytest.fixture(scope="module")
def complaints() -> list[str]:
    """What the browser had to complain about."""
    return []


@pytest.fixture(scope="module")
def page(complaints: list[str]) -> Iterator[Page]:
    """One tab."""
    with tab(complaints) as page:
        yield page


@pytest.fixture
def no_complaints(page: Page, complaints: list[str]) -> Iterator[None]:
    """The test ends with everything loaded and nothing to complain about."""
    complaints.clear()
    yield
    page.wait_for_load_state("networkidle")
    assert complaints == []
