"""`sdxl-reg generate` and `generations` as users type them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.cli.typing_commands import run

QUICK = ("--steps", "2", "--width", "64", "--height", "64", "--json")


def _said(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


@pytest.mark.slow
@pytest.mark.usefixtures("imported")
def test_a_picture_with_a_lora_is_drawn_listed_and_repeated_to_the_pixel(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("a red mug <lora:x-lora@1:0.5>", "-n", 2, "--seed", 7, *QUICK)
    assert run("generate", *asked, "--out", tmp_path / "first") == 0
    drawn = _said(capsys)["pictures"]
    assert [picture["request"]["seed"] for picture in drawn] == [7, 8]
    assert drawn[0]["request"]["adapters"] == [{"ref": "x-lora@1", "strength": 0.5}]
    assert run("generate", "--from", drawn[1]["path"], "--out", tmp_path / "again", "--json") == 0
    (again,) = _said(capsys)["pictures"]
    with Image.open(drawn[1]["path"]) as one, Image.open(again["path"]) as other:
        assert np.array_equal(np.asarray(one), np.asarray(other))
        assert "<lora:" in one.text["parameters"]  # type: ignore[attr-defined]
    assert run("generations", "--json") == 0
    assert [row["drawn"] for row in _said(capsys)["generations"]] == [1, 2]
    assert run("generate", "--resume", 1) == 4


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 2, "it takes one of a prompt, --from and --resume"),
        (("a mug", "--resume", 1), 2, "it takes one of a prompt"),
        (("--resume", 1, "--steps", 3), 2, "num_inference_steps cannot be said"),
        (("--resume", 1), 3, "no such generation"),
        (("--from", "no.png"), 3, "no.png"),
        (("a mug <lora:x-lara:1>",), 3, "Did you mean 'x-lora'?"),
        (("a mug <lora:x-lora:much>",), 2, "<lora:x-lora:much>"),
        (("a mug", "--sampler", "Oiler"), 2, "Did you mean 'Euler'?"),
        (("a mug", "--steps", 0, "--width", 33), 2, "width"),
        (("a mug", "--mask", "no.png"), 3, "no.png"),
    ],
)
@pytest.mark.usefixtures("imported")
def test_what_cannot_be_drawn_is_told(
    capsys: pytest.CaptureFixture[str], arguments: tuple[object, ...], code: int, words: str
) -> None:
    assert run("generate", *arguments) == code
    assert words in capsys.readouterr().err
