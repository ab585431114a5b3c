"""The tiny base, loaded once for a file of tests, and what it draws by itself."""

from pathlib import Path
from typing import Any

import pytest

from sdxl_reg.diffusion.pipeline import load_pipeline
from sdxl_reg.testing import draw


@pytest.fixture(scope="module")
def pipeline(tiny_base: Path) -> Any:
    """The tiny base; who changes it puts it back."""
    return load_pipeline(tiny_base)


@pytest.fixture(scope="module")
def base(pipeline: Any) -> Any:
    """What it draws without anything applied."""
    return draw(pipeline)
