"""Versions of every kind for the tiny base; chromium, and the example of the viewer as files."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from sdxl_reg.evaluation.studio import Studio
from sdxl_reg.evaluation.view import Axis
from sdxl_reg.evaluation.viewer.write import write_viewer
from sdxl_reg.jobs.spec import VersionSpec
from tests.registry.evaluation.example_view import cells, example_view
from tests.registry.evaluation.jobs import job, version
from tests.registry.evaluation.versions import (
    checkpoint_file,
    embedding_file,
    hypernetwork_file,
    lora_file,
)

ALL_PARTS = ("unet", "text_encoder", "text_encoder_2")
CHROMIUM = Path("/usr/bin/chromium")
OWN = ("file:", "data:", "http://registry.test/")
"""What a page may ask for; the last is answered by the one test that plays a server."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium; without it, the test skips."""
    if not CHROMIUM.exists():
        pytest.skip(f"no {CHROMIUM}; install it with: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A tab that fails the test when the page complains or asks the network for anything."""
    complaints: list[str] = []
    page = browser.new_page(viewport={"width": 1320, "height": 860})
    page.on("console", lambda said: complaints.append(f"{said.type}: {said.text}"))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    yield page
    page.close()
    assert complaints == []
    assert [url for url in requested if not url.startswith(OWN)] == []


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the pages of a module are written."""
    return tmp_path_factory.mktemp("viewer")


@pytest.fixture(scope="module")
def address(folder: Path) -> str:
    """The example, with two values of Z, in one file."""
    z = Axis(field="cfg", label="guidance", values=["3", "7"])
    view = example_view(folder, z=z, cells=cells(folder, (3, 2, 2, 2)))
    return write_viewer(view, folder / "grid.html").as_uri()


@pytest.fixture(scope="session")
def versions(
    tiny_base: Path, tiny_loras: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, VersionSpec]:
    """`lora@1` and `@2` change the texts too, `unet@1` does not; two of every other kind."""
    folder = tmp_path_factory.mktemp("versions")
    found = [
        version("lora@1", tiny_loras[0]),
        version("lora@2", tiny_loras[1]),
        version("unet@1", lora_file(folder, tiny_base)),
    ]
    for seed in (1, 2):
        hyper = hypernetwork_file(folder, seed=seed)
        whole = checkpoint_file(folder, tiny_base, parts=ALL_PARTS, seed=seed)
        found += [
            version(f"wug@{seed}", embedding_file(folder, seed=seed), "embedding"),
            version(f"hyper@{seed}", hyper, "hypernetwork"),
            version(f"whole@{seed}", whole, "checkpoint"),
        ]
    return {one.ref: one for one in found}


@pytest.fixture(scope="module")
def studio(tiny_base: Path, versions: Mapping[str, VersionSpec]) -> Studio:
    """Of a job on the tiny base that knows all versions."""
    return Studio(job(tiny_base, versions))
