"""A folder as teams keep it, to be sent."""

from pathlib import Path

import pytest

from tests.registry.catalog.pictures import jpeg, products, write
from tests.registry.catalog.sent_folders.sending import (
    SPOT,
    files_in,
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = products(tmp_path / "products")
    return write(
        root,
        {
            f"{SPOT}/told.jpg": jpeg(70),
            f"{SPOT}/told.txt": b"a stain, seen from above",
            f"{SPOT}/broken.jpg": jpeg(71)[:300],
            f"{SPOT}/drawing.svg": b"<svg/>",
            f"{SPOT}/.DS_Store": b"junk",
            f"{SPOT}/lonely.txt": b"of nothing",
            "weipin/.sdxlregignore": b"*.gif\n",
            "weipin/qzy/x.gif": b"GIF",
            "loose.jpg": jpeg(72),
        },
    )


@pytest.fixture
def files(root: Path) -> dict[str, bytes]:
    return files_in(root)
