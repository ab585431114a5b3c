"""`sdxl-reg embed` and `sdxl-reg search`."""

import json
from pathlib import Path
from typing import Any

import pytest

from sdxl_reg_cli.main import main
from tests.registry.catalog.likenesses import near_products
from tests.registry.evaluation.networks.tiny_networks import write_clip


@pytest.fixture
def clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A random tiny CLIP, and a home with pictures."""
    for name in ("SDXL_REG_DATABASE_URL", "SDXL_REG_STORE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SDXL_REG_HOME", str(tmp_path / "home"))
    assert _run("ingest", near_products(tmp_path / "products")) == 0
    return write_clip(tmp_path / "clip")


def _run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    assert isinstance(ended.value.code, int)
    return ended.value.code


def _json(capsys: pytest.CaptureFixture[str], *arguments: object) -> Any:
    capsys.readouterr()
    assert _run(*arguments, "--json") == 0
    return json.loads(capsys.readouterr().out)


def test_pictures_are_found_by_a_path_in_the_set_and_by_words(
    clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run("search", "weipin", "a shirt", "--weights", clip) == 4
    assert _json(capsys, "embed", "weipin", "--weights", clip)["looked_at"] == 12
    like = ("search", "weipin", "--like", "qzy/flawless/b.png", "--weights", clip)
    assert _json(capsys, *like)["items"][0]["path"] == "qzy/flawless/b.png"
    words = ("search", "weipin", "a shirt", "--weights", clip, "--limit", 3)
    assert len(_json(capsys, *words)["items"]) == 3


def test_words_or_a_picture_are_asked_for(clip: Path) -> None:
    assert _run("search", "weipin", "--weights", clip) == 2
    assert _run("search", "weipin", "a shirt", "--like", "x", "--weights", clip) == 2
