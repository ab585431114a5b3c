"""`sdxl-reg grid pick`, `grid vote` and `grid export` as users type them."""

import json
from pathlib import Path
from typing import Any

import click
import pytest

from tests.cli.typing_commands import run


def _said(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


@pytest.mark.slow
@pytest.mark.usefixtures("imported")
def test_a_grid_is_drawn_voted_on_chosen_from_and_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = ("--steps", 2, "--width", 64, "--height", 64, "--strengths", "0,1")
    assert run("grid", "x-lora", "--versions", "all", "--prompt", "a mug", *quick, "--json") == 0
    assert _said(capsys)["rendered"] == 4 - 1  # the base once for both versions

    answers = iter(["l", "t", ""])
    monkeypatch.setattr(click, "prompt", lambda *_, **__: next(answers))
    assert run("grid", "vote", 1, "--pair", tmp_path / "pair.png") == 0
    assert (tmp_path / "pair.png").is_file()
    capsys.readouterr()
    assert run("grid", "vote", 1, "--json") == 0
    assert _said(capsys)["votes"] == 2

    assert run("grid", "pick", 1, "--cell", 0) == 2
    assert "strength is not 0" in capsys.readouterr().err
    assert run("grid", "pick", 1, "--cell", 3, "--reason", "sharpest", "--json") == 0
    assert _said(capsys) == {"grid": 1, "ref": "x-lora@2", "strength": 1.0, "reason": "sharpest"}
    assert run("lineage", "x-lora@best", "--json") == 0
    assert _said(capsys)["root"] == "artifact:x-lora@2"

    for name in ("grid.html", "grid.webp", "grid.csv", "grid.json"):
        assert run("grid", "export", 1, "--to", tmp_path / name) == 0
        assert (tmp_path / name).stat().st_size > 0
    assert run("grid", "export", 1, "--to", tmp_path / "grid.doc") == 2
