"""`sdxl-reg embed` and `sdxl-reg search`."""

from pathlib import Path

import pytest

from tests.cli.typing_commands import json_of, run
from tests.registry.catalog.likenesses import near_products
from tests.registry.evaluation.networks.tiny_networks import write_clip


@pytest.fixture
def clip(tmp_path: Path, home: Path) -> Path:
    """A random tiny CLIP, and a home with pictures."""
    assert run("ingest", near_products(tmp_path / "products")) == 0
    return write_clip(tmp_path / "clip")


def test_pictures_are_found_by_a_path_in_the_set_and_by_words(
    clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("search", "weipin", "a shirt", "--weights", clip) == 4
    assert json_of(capsys, "embed", "weipin", "--weights", clip)["looked_at"] == 12
    like = ("search", "weipin", "--like", "qzy/flawless/b.png", "--weights", clip)
    assert json_of(capsys, *like)["items"][0]["path"] == "qzy/flawless/b.png"
    words = ("search", "weipin", "a shirt", "--weights", clip, "--limit", 3)
    assert len(json_of(capsys, *words)["items"]) == 3


def test_words_or_a_picture_are_asked_for(clip: Path) -> None:
    assert run("search", "weipin", "--weights", clip) == 2
    assert run("search", "weipin", "a shirt", "--like", "x", "--weights", clip) == 2
