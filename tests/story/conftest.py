"""An empty home, and the example set."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.story.machine import ROOT, Machine


@pytest.fixture(scope="session")
def products(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example set as its script renders it."""
    folder = tmp_path_factory.mktemp("example") / "products"
    script = ROOT / "examples" / "render_products.py"
    subprocess.run([sys.executable, script, "--out", folder], check=True, capture_output=True)
    return folder


@pytest.fixture
def machine(tmp_path: Path, products: Path) -> Machine:
    """An empty installation beside the example set."""
    return Machine(home=tmp_path / "home", products=products)
