"""`sdxl-reg grid` and `grids` as users type them; what they decide is tested in the catalog."""

import json
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.typing_commands import run


def test_a_name_alone_means_draw(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("grid", "nothing-lora") == 3
    assert run("grid", "draw", "nothing-lora") == 3
    assert run("grid", "--steps", "2", "nothing-lora") == 3
    assert capsys.readouterr().err.count("no such artifact: 'nothing-lora'") == 3


def test_help_tells_of_the_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("grid", "x-lora", "--help") == 0
    out = capsys.readouterr().out
    options = ("--strengths", "--versions", "--prompt", "--seed", "--sampler", "--out", "--dry-run")
    for option in options:
        assert option in out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["x-lora", "--strengths", "0:x"], 2, "0:1:0.1"),
        (["x-lora", "--versions", "one"], 2, "1,3,5"),
        (["x-lora", "--versions", "9"], 3, "x-lora has: 1, 2"),
        (["x-lora", "--prompt", "a mug", "--sampler", "Eulr"], 2, "Did you mean 'Euler'"),
        (["x-lora", "--prompt", "a mug", "--width", "65"], 2, "multiple of 32"),
        (["x-lora"], 4, "--prompt"),
        (["resume", "7"], 3, "sdxl-reg grids"),
        (["show", "7"], 3, "sdxl-reg grids"),
    ],
)
def test_a_mistake_is_told_with_what_to_do(
    imported: None, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, words: str
) -> None:
    assert run("grid", *arguments) == code
    assert words in capsys.readouterr().err


def test_there_are_no_grids_at_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("grids", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"grids": []}


def test_what_a_grid_comes_to_is_said_without_beginning_it(
    imported: None, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["grid", "x-lora", "--prompt", "a red mug", "--strengths", "0,1", "--dry-run"]
    assert run(*asked) == 0
    assert "2 versions x 2 strengths of x-lora; 4 cells, 3 to draw" in capsys.readouterr().out
    assert run(*asked, "--json") == 0
    assert json.loads(capsys.readouterr().out)["to_draw"] == 3
    assert run("grids", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"grids": []}


@pytest.mark.slow
def test_a_grid_is_drawn_shown_and_listed(
    imported: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["x-lora", "--prompt", "a red mug", "--strengths", "0,1", "--steps", "2", "--json"]
    assert run("grid", *asked, "--out", str(tmp_path / "sheet.png")) == 0
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    assert (found["cells"], found["rendered"], found["reused"]) == (4, 3, 1)
    assert found["sheet"] == str(tmp_path / "sheet.png")
    assert found["best"] is None  # there is nothing to compare with, and the user is told
    assert "no dataset is recorded" in captured.err
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > 2 * 192

    assert run("grid", *asked) == 0
    again = json.loads(capsys.readouterr().out)
    assert (again["rendered"], again["reused"]) == (0, 4)
    assert Path(again["sheet"]).name == f"x-lora-grid-{again['grid']}.png"

    assert run("grid", "show", str(found["grid"])) == 0
    assert f"x-lora-grid-{found['grid']}.png" in capsys.readouterr().out
    assert run("grids", "--json") == 0
    rows = json.loads(capsys.readouterr().out)["grids"]
    assert [(row["grid"], row["state"]) for row in rows] == [(2, "ready"), (1, "ready")]
