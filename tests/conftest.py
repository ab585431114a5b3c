"""What every test may use."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random SDXL of the smallest size that has every part, as a diffusers folder.

    Three stages as in SDXL (16, 16 and 32 wide), text encoders 16 wide with CLIP tokenizers of a
    few merges, VAE of factor 8, 64 px pictures. It draws noise; what it draws is repeatable.
    """
    from tests.tiny import write_tiny_base

    return write_tiny_base(tmp_path_factory.mktemp("tiny") / "base")
