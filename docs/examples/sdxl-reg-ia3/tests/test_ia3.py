"""The (IA)³ trainer keeps what every trainer has to keep."""

from pathlib import Path
from typing import Any, ClassVar

import pytest
import sdxl_reg_ia3

from sdxl_reg.testing import TrainerConformance, write_tiny_base


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random SDXL of the smallest size that has every part."""
    return write_tiny_base(tmp_path_factory.mktemp("tiny") / "base")


class TestIa3(TrainerConformance):
    """At a rate at which four steps show in pictures."""

    trainer = sdxl_reg_ia3.plugin
    settings: ClassVar[dict[str, Any]] = TrainerConformance.settings | {
        "learning_rate": 0.5,
        "sample_steps": 2,
    }
