"""`sdxl-reg evaluate downstream` as users type it; what it decides is tested in the catalog."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.typing_commands import run


def _coloured(root: Path, *, seed: int, count: int) -> Path:
    """`qzy/{flawless,flawed/spot}`: blue noise, and red noise."""
    generator = np.random.default_rng(seed)
    for folder, channel in (("qzy/flawless", 2), ("qzy/flawed/spot", 0)):
        (root / folder).mkdir(parents=True)
        for number in range(count):
            pixels = generator.integers(0, 90, (12, 12, 3), dtype=np.uint8)
            pixels[..., channel] += 150
            picture = Image.fromarray(pixels).resize((64, 64), Image.Resampling.BICUBIC)
            picture.save(root / folder / f"{number}.png")
    return root


@pytest.mark.slow
def test_real_and_drawn_pictures_are_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("ingest", str(_coloured(tmp_path / "sets/weipin", seed=1, count=8)), "--as", "weipin")
    drawn = _coloured(tmp_path / "drawn", seed=2, count=10)
    capsys.readouterr()
    asked = ["evaluate", "downstream", "weipin", f"{drawn}/", "--ratio", "1", "--ratio", "9"]

    assert run(*asked, "--json") == 0
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    assert "spot: 8 real, 10 synthetic" in captured.err
    assert [each["name"] for each in found["regimes"]] == [
        "real only",
        "synthetic only",
        "real + 1× synthetic",
    ]
    assert all(each["f1"] > 0.9 for each in found["regimes"])  # red and blue are easily told apart
    assert found["left_out"][0]["name"] == "real + 9× synthetic"
    assert found["real"] == "weipin@1"
    assert found["verdict"].startswith("No gain is shown")

    assert run(*asked) == 0
    captured = capsys.readouterr()
    assert "real only" in captured.out
    assert captured.out.strip().splitlines()[-1].startswith("No gain is shown")
    assert "real + 9× synthetic was not tried: it takes" in captured.err

    assert run("run", "show", str(found["run"])) == 0
    assert "f1, real only" in capsys.readouterr().out


def test_a_mistake_is_told_with_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("evaluate", "downstream", "weipin@1", "./drawn") == 3
    assert "no such dataset: 'weipin'" in capsys.readouterr().err
    run("ingest", str(_coloured(tmp_path / "weipin", seed=1, count=4)), "--as", "weipin")
    assert run("evaluate", "downstream", "weipin", f"{tmp_path}/weipin", "--by", "brand") == 2
    assert "nothing to tell apart" in capsys.readouterr().err
